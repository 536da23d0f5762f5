//! What one person asks for keeps nobody waiting, and what one person can make grow has an end.

use futures::future::join_all;
use sinaesta_contracts::chat::{MAX_HISTORY_PAGE, MessageHistory, MissedMessages};
use sinaesta_contracts::file::RecordFile;
use sinaesta_contracts::moderation::{ReadThread, SearchMessages};
use sinaesta_contracts::page::{PAGE_BYTES, bytes};
use sinaesta_contracts::presence::{ChosenStatus, ConnectUser, SetStatus};
use sinaesta_contracts::room_list::ListRooms;
use sinaesta_contracts::study_group::{CreateGroup, GroupInvited, InviteMember, JoinGroup};
use sinaesta_contracts::{Event as _, FileId, GatewayId, GroupId, code};
use sinaesta_testkit::until;
use tokio::time::Instant;

use super::*;

/// What a socket that reads slowly holds, and so the most that one answer may have.
const ANSWER: usize = 1024 * 1024;

/// A room with so many messages, each of so many characters of two bytes.
async fn fill(stack: &Stack, room: &RoomId, count: u32, characters: u32) {
    stack
        .sql(&format!(
            "INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at)
             SELECT gen_random_uuid(), '{room}', n, '{}', 'Sari', 'demam ' || n || ' ' || repeat('é', {characters}), 'text', now()
             FROM generate_series(1, {count}) n",
            person(1).user_id
        ))
        .await;
    stack.sql(&format!("UPDATE chat_rooms SET last_seq = {count} WHERE id = '{room}'")).await;
}

/// The control: with the room's row locked by each search, on connections that may, and without `chat_search_document`, the
/// bystander waits for 1.3 s; with the lock alone the searches are over too soon for it.
#[tokio::test]
async fn sixty_four_searches_of_a_large_room_keep_nobody_waiting() {
    let stack = Stack::start().await;
    let (large, other) = (room("large"), room("other"));
    let replica = stack.replica(Clock::system());
    stack.join(&person(1), &large).await;
    for room in [&large, &other] {
        stack.join(&person(2), room).await;
    }
    drop(replica);
    fill(&stack, &large, 20_000, 20).await;
    // Whatever no replica has made searchable is found when one starts.
    let _replica = stack.replica(Clock::system());
    let indexed = "SELECT COALESCE(max(indexed_seq), 0) FROM chat_search_rooms WHERE room_id = 'large'";
    until("the room is searchable", async || stack.read::<i64>(indexed).await == 20_000).await;
    // All of the messages have one of these words.
    let words: String = (1..10).map(|n| format!("{n} OR ")).collect();
    let query = |words: &str| SearchMessages {
        room_id: large.clone(),
        query: words.to_owned().try_into().unwrap(),
        before_seq: None,
        limit: None,
    };
    let search = query(&format!("{words}demam"));
    let one = person(1);
    let searches = join_all((0..64).map(|_| stack.bus.ask(&one, &search)));
    let bystander = async {
        let mut slowest = Duration::ZERO;
        for n in 0..20 {
            let started = Instant::now();
            let room = if n % 2 == 0 { &large } else { &other };
            stack.send(&person(2), message(room, &format!("{n}"))).await.unwrap();
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (found, slowest) = tokio::join!(searches, bystander);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    for found in found {
        assert_eq!((found.as_ref().unwrap().messages.len(), found.unwrap().has_more), (50, true));
    }
    // What was said just now is found at once.
    let sent = stack.send(&one, message(&large, "kardiomegali")).await.unwrap().message;
    let found = stack.bus.ask(&one, &query("kardiomegali")).await.unwrap();
    assert_eq!(found.messages.iter().map(|one| one.id).collect::<Vec<_>>(), [sent.id]);
    until("it is searchable too", async || stack.read::<i64>(indexed).await == sent.seq).await;
    // The control: counted before they are taken apart, the second is one word.
    for words in ["a ".repeat(21), "a/".repeat(21)] {
        let refused = stack.bus.ask(&one, &query(&words)).await.unwrap_err();
        assert_eq!((refused.code.as_ref(), refused.field.as_deref()), (code::INVALID_PAYLOAD, Some("query")));
    }
}

/// The control: with the pages bounded in number alone, each of these has two megabytes.
#[tokio::test]
async fn pages_are_bounded_in_bytes_and_nothing_is_lost_between_them() {
    let stack = Stack::start().await;
    let here = room("here");
    let _replica = stack.replica(Clock::system());
    let one = person(1);
    stack.join(&one, &here).await;
    fill(&stack, &here, 120, 7_900).await;
    let seqs =
        |messages: &[sinaesta_contracts::chat::ChatMessage]| messages.iter().map(|one| one.seq).collect::<Vec<_>>();
    // Backwards, as a reader scrolls.
    let (mut before, mut read) = (None, Vec::new());
    loop {
        let limit = Some(MAX_HISTORY_PAGE.try_into().unwrap());
        let page = MessageHistory { room_id: here.clone(), before_seq: before, limit };
        let page = stack.bus.ask(&one, &page).await.unwrap();
        assert!(bytes(&page.messages) <= PAGE_BYTES && (page.messages.len() > 10 || !page.has_more));
        before = Some(u32::try_from(page.messages[0].seq).unwrap());
        read.splice(0..0, seqs(&page.messages));
        if !page.has_more {
            break;
        }
    }
    assert_eq!(read, (1..=120).collect::<Vec<_>>());
    // On from a place, as a client does that was away, and as a gateway does.
    let (mut since, mut read) = (1, Vec::new());
    loop {
        let joined = stack.send(&one, JoinRoom { room_id: here.clone(), since_seq: Some(since) }).await.unwrap();
        assert!(bytes(&joined) <= PAGE_BYTES + 4_096);
        read.extend(seqs(&joined.messages));
        since = u32::try_from(*read.last().unwrap()).unwrap();
        if !joined.has_more {
            break;
        }
    }
    assert_eq!(read, (2..=120).collect::<Vec<_>>());
    let joined = stack.send(&one, JoinRoom { room_id: here.clone(), since_seq: None }).await.unwrap();
    assert!(bytes(&joined) <= PAGE_BYTES + 4_096 && joined.has_more);
    assert_eq!((joined.messages.last().unwrap().seq, joined.last_seq), (120, 120));
    let missed = stack.bus.ask(&one, &MissedMessages { room_id: here.clone(), after_seq: 0 }).await.unwrap();
    assert!(bytes(&missed.messages) <= PAGE_BYTES && missed.has_more && missed.messages[0].seq == 1);
    // A thread, and what is found.
    let first = missed.messages[0].id;
    stack.sql(&format!("UPDATE chat_messages SET reply_to = '{}' WHERE seq > 1", first.0)).await;
    let thread = ReadThread { message_id: first, after_seq: None, limit: Some(MAX_HISTORY_PAGE.try_into().unwrap()) };
    let thread = stack.bus.ask(&one, &thread).await.unwrap();
    assert!(bytes(&thread.replies) <= PAGE_BYTES && thread.has_more && thread.replies[0].seq == 2);
    let search = SearchMessages {
        room_id: here.clone(),
        query: "demam".to_owned().try_into().unwrap(),
        before_seq: None,
        limit: Some(MAX_HISTORY_PAGE.try_into().unwrap()),
    };
    let found = stack.bus.ask(&one, &search).await.unwrap();
    assert!(bytes(&found.messages) <= PAGE_BYTES && found.has_more && found.messages[0].seq == 120);
    // A hundred rooms are a list, however much was said in each last.
    for n in 0..100 {
        stack
            .sql(&format!("INSERT INTO chat_rooms (id, type, last_seq, created_at) VALUES ('r-{n}', 'OPEN', 0, now())"))
            .await;
        stack.join(&one, &room(&format!("r-{n}"))).await;
        fill(&stack, &room(&format!("r-{n}")), 1, 7_900).await;
    }
    let list = stack.bus.ask(&one, &ListRooms {}).await.unwrap();
    assert!(bytes(&list) < ANSWER && !list.has_more && list.rooms.len() == 100);
    assert!(list.rooms.iter().all(|room| room.last_message.as_ref().unwrap().message.starts_with("demam")));
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, ErrorBody>) -> String {
    answer.unwrap_err().code.into_owned()
}

/// The control: without `Quotas` every room is opened.
#[tokio::test]
async fn one_user_opens_so_many_rooms_and_is_in_so_many() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(Clock::system(), |settings| settings.chat.rooms_per_user_daily = 3);
    let [one, other] = [person(1), person(2)];
    let join = |name: &str| JoinRoom { room_id: room(name), since_seq: None };
    let group = CreateGroup {
        name: "EKG".to_owned().try_into().unwrap(),
        description: None,
        specialty: None,
        max_members: 10.try_into().unwrap(),
        is_public: true,
    };
    stack.send(&one, join("a")).await.unwrap();
    stack.send(&one, join("b")).await.unwrap();
    stack.send(&one, group.clone()).await.unwrap();
    assert_eq!(refusal(stack.send(&one, join("c")).await), code::ROOM_TOO_MANY);
    assert_eq!(refusal(stack.send(&one, group).await), code::ROOM_TOO_MANY);
    // Into what there is they come, and others open theirs.
    stack.send(&other, join("d")).await.unwrap();
    stack.send(&one, join("d")).await.unwrap();
    stack.send(&one, join("a")).await.unwrap();
    assert_eq!(stack.read::<i64>("SELECT count(*) FROM chat_rooms").await, 4);
    // The next day there are new ones, up to so many in all.
    stack.sql("UPDATE chat_rooms SET created_at = created_at - interval '1 day'").await;
    stack.send(&one, join("e")).await.unwrap();
    drop(replica);
    let all = |settings: &mut Settings| {
        settings.chat.rooms_per_user = 4;
        settings.chat.memberships_per_user = 4;
    };
    let _replica = stack.replica_with(Clock::system(), all);
    stack.sql("UPDATE chat_rooms SET created_at = created_at - interval '1 day'").await;
    assert_eq!(refusal(stack.send(&one, join("f")).await), code::ROOM_TOO_MANY);
    // Four rooms: a, b, d, e. Whoever is in one comes again; for another, one is left.
    stack.send(&other, join("g")).await.unwrap();
    stack.send(&one, join("a")).await.unwrap();
    assert_eq!(refusal(stack.send(&one, join("g")).await), code::ROOM_TOO_MANY);
    stack.send(&one, sinaesta_contracts::chat::LeaveRoom { room_id: room("b") }).await.unwrap();
    stack.send(&one, join("g")).await.unwrap();
}

/// The controls: without the count in `invite_member` all are invited, and without the one in `join_group` the last is in two.
#[tokio::test]
async fn one_user_has_so_many_invitations_open_and_is_in_so_many_groups() {
    let stack = Stack::start().await;
    let few = |settings: &mut Settings| {
        settings.chat.invitations_per_user = 2;
        settings.chat.groups_per_user = 1;
    };
    let _replica = stack.replica_with(Clock::system(), few);
    let one = person(1);
    let group = CreateGroup {
        name: "EKG".to_owned().try_into().unwrap(),
        description: None,
        specialty: None,
        max_members: 10.try_into().unwrap(),
        is_public: false,
    };
    let group_id: GroupId = stack.send(&one, group.clone()).await.unwrap().0.id;
    let invite = |number: u128| InviteMember { group_id, user_id: person(number).user_id };
    for number in [2, 3, 2] {
        stack.send(&one, invite(number)).await.unwrap();
    }
    assert_eq!(refusal(stack.send(&one, invite(4)).await), code::INVITATION_TOO_MANY);
    // Whoever comes makes room for others.
    stack.send(&person(2), JoinGroup { group_id }).await.unwrap();
    stack.send(&one, invite(4)).await.unwrap();
    assert_eq!(refusal(stack.send(&one, invite(5)).await), code::INVITATION_TOO_MANY);
    // Those who are wanted are told once, whoever of the group wants them.
    stack.send(&person(2), invite(3)).await.unwrap();
    until("all is published", async || stack.waiting(Service::Chat).await == 0).await;
    let told = Subject::Event(GroupInvited::DOMAIN, GroupInvited::NAME).to_string();
    let count = stack.stored(Stream::Events).await.iter().filter(|(subject, _)| *subject == told).count();
    assert_eq!(count, 3, "2, 3 and 4 were invited");
    let other = stack.send(&person(6), CreateGroup { is_public: true, ..group }).await.unwrap().0.id;
    assert_eq!(refusal(stack.send(&person(2), JoinGroup { group_id: other }).await), code::GROUP_TOO_MANY);
    stack.send(&person(7), JoinGroup { group_id: other }).await.unwrap();
}

/// The controls: without `MOST_TOLD` a hundred more hear of one's coming, and without the limit of the room all of them do.
#[tokio::test]
async fn who_comes_is_told_to_a_thousand_at_the_most_and_to_nobody_in_a_large_room() {
    const PEOPLE: u32 = 1_100;
    let stack = Stack::start().await;
    let large = room("large");
    let limit = i64::from(PEOPLE) + 1;
    let _replica = stack.replica_with(Clock::system(), |settings| settings.chat.presence_room_limit = limit);
    for sql in [
        "INSERT INTO chat_rooms (id, type, last_seq, created_at) VALUES ('large', 'OPEN', 0, now())".to_owned(),
        format!(
            "INSERT INTO online_users (user_id, gateway_id, connected_at, connected_by)
             SELECT gen_random_uuid(), gen_random_uuid(), now(), gen_random_uuid() FROM generate_series(1, {PEOPLE})"
        ),
        "INSERT INTO chat_participants (room_id, user_id, user_name, joined_at, joined_by)
         SELECT 'large', user_id, 'N', now(), connected_by FROM online_users"
            .to_owned(),
    ] {
        stack.sql(&sql).await;
    }
    let told = async |subject: &str| {
        until("all is published", async || stack.waiting(Service::Chat).await == 0).await;
        stack.delivered().await.iter().filter(|(of, _)| of.starts_with(subject)).count()
    };
    stack.join(&person(1), &large).await;
    assert_eq!(told("deliver.room.large").await, 1, "who comes into a room that is not too large");
    stack.send(&person(1), ConnectUser { gateway_id: GatewayId(Uuid::now_v7()) }).await.unwrap();
    assert_eq!(told("deliver.user.").await, 1_000);
    stack.join(&person(2), &large).await;
    assert_eq!(told("deliver.room.large").await, 1, "who comes into one that is");
}

/// The control: without `fits` every file is noted.
#[tokio::test]
async fn one_user_has_so_many_files_and_bytes() {
    let stack = Stack::start().await;
    let few = |settings: &mut Settings| {
        settings.files.user_files = 3;
        settings.files.user_bytes = 1_000;
        settings.files.user_bytes_daily = 800;
    };
    let _replica = stack.replica_with(Clock::system(), few);
    let one = person(1);
    let file = |size: u64| RecordFile {
        id: FileId(Uuid::now_v7()),
        name: "x.pdf".into(),
        size,
        content_type: "application/pdf".into(),
        width: None,
        height: None,
        has_thumbnail: false,
    };
    stack.send(&one, file(400)).await.unwrap();
    let too_large = file(401);
    assert_eq!(refusal(stack.send(&one, too_large.clone()).await), code::FILE_QUOTA);
    // What it holds is removed like what nobody posted; and coming again it is refused again.
    let sql = format!("SELECT abandoned_at IS NOT NULL FROM files WHERE id = '{}'", too_large.id.0);
    assert!(stack.read::<bool>(&sql).await);
    assert_eq!(refusal(stack.send(&one, too_large).await), code::FILE_QUOTA);
    let fits = file(400);
    stack.send(&one, fits.clone()).await.unwrap();
    assert_eq!(refusal(stack.send(&one, file(1)).await), code::FILE_QUOTA);
    stack.send(&person(2), file(800)).await.unwrap();
    // The next day there is more, up to so many bytes and files in all.
    stack.sql("UPDATE files SET created_at = created_at - interval '1 day'").await;
    assert_eq!(refusal(stack.send(&one, file(201)).await), code::FILE_QUOTA);
    stack.send(&one, file(100)).await.unwrap();
    assert_eq!(refusal(stack.send(&one, file(1)).await), code::FILE_QUOTA);
    // A repeat of one that was taken is answered as it was.
    stack.send(&one, fits).await.unwrap();
}

/// The control: without the pause in `choose` every choice is stored and announced.
#[tokio::test]
async fn a_status_is_chosen_once_in_a_while() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(Clock::system(), |settings| settings.chat.status_interval_ms = 60_000);
    let set = |status| SetStatus { status };
    stack.send(&person(1), set(ChosenStatus::Busy)).await.unwrap();
    let refused = stack.send(&person(1), set(ChosenStatus::Away)).await.unwrap_err();
    assert_eq!(refused.code, code::RATE_LIMITED);
    assert!((50_000..=60_000).contains(&refused.retry_after_ms.unwrap()), "{refused:?}");
    stack.send(&person(2), set(ChosenStatus::Away)).await.unwrap();
    let status = "SELECT string_agg(status, ' ' ORDER BY user_id) FROM user_presence";
    assert_eq!(stack.read::<String>(status).await, "busy away");
    stack.sql("UPDATE user_presence SET chosen_at = chosen_at - interval '1 minute'").await;
    stack.send(&person(1), set(ChosenStatus::Away)).await.unwrap();
    drop(replica);
}
