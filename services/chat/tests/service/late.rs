//! After a reconnect a gateway sends every command again whose answer it waits for, each by itself: so an older one may
//! come behind newer ones that are applied. It is answered, and changes nothing.

use sinaesta_contracts::chat::{ExitRoom, LeaveRoom};
use sinaesta_contracts::moderation::{EditMessage, ReactToMessage};
use sinaesta_contracts::presence::{ChosenStatus, ConnectUser, DisconnectUser, ExpirePresence, SetStatus};
use sinaesta_contracts::study_group::{CreateGroup, InviteMember, JoinGroup, LeaveGroup, RemoveMember};
use sinaesta_contracts::{GatewayId, GroupId, MessageId};
use sinaesta_testkit::until;

use super::repeats::digest_of;
use super::*;

/// Everything that these commands may change, save which of them are known.
const TABLES: [&str; 10] = [
    "chat_message_edits",
    "chat_messages",
    "chat_participants",
    "chat_reactions",
    "chat_room_sockets",
    "online_users",
    "study_group_invitations",
    "study_group_members",
    "study_groups",
    "user_presence",
];
/// Another gateway than the one that the tests are.
const ANOTHER: &str = "reply.0190a000-0000-7000-8000-000000000001";

/// A command that was sent, to be sent again.
struct Sent<C> {
    id: Uuid,
    through: &'static str,
    who: Actor,
    command: C,
}

/// A stack with a replica, and what was answered.
struct Story {
    stack: Stack,
    replies: [async_nats::Subscriber; 2],
    _replica: DropGuard,
}

impl Story {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let replies = [stack.replies().await, stack.replies_to(ANOTHER).await];
        // A status may be chosen as often as a test does.
        let replica = stack.replica_with(Clock::system(), |settings| settings.chat.status_interval_ms = 0);
        Self { stack, replies, _replica: replica }
    }

    async fn apply<C: Command>(&mut self, sent: &Sent<C>) -> Value {
        // The broker knows nothing of what it delivered before, so that it drops no repeat.
        self.stack.lose_deliveries().await;
        self.stack.store_through(sent.through, sent.id, &sent.who, &sent.command).await;
        let replies = &mut self.replies[usize::from(sent.through == ANOTHER)];
        let (of, answer) = self.stack.answers(1, replies).await.remove(0);
        assert_eq!(of, sent.id);
        until("it is acknowledged, so everything is published", async || self.stack.waiting(C::SERVICE).await == 0)
            .await;
        assert!(answer.get("error").is_none(), "{}: {answer}", C::NAME);
        answer["ok"].clone()
    }

    async fn send_through<C: Command>(&mut self, through: &'static str, who: &Actor, command: C) -> Sent<C> {
        let sent = Sent { id: Uuid::now_v7(), through, who: who.clone(), command };
        self.apply(&sent).await;
        sent
    }

    async fn send<C: Command>(&mut self, who: &Actor, command: C) -> Sent<C> {
        self.send_through(REPLIES, who, command).await
    }

    /// Sends a command that is older than what is applied: it is answered, and nothing that is stored changes.
    async fn late<C: Command>(&mut self, sent: &Sent<C>) -> Vec<(String, String)> {
        let before = digest_of(&self.stack, &TABLES).await;
        self.apply(sent).await;
        assert_eq!(digest_of(&self.stack, &TABLES).await, before, "{} changes something when it comes late", C::NAME);
        self.stack.delivered().await
    }
}

/// The control: with `depart` for whatever is said of a gateway, the first disconnecting takes the user's place away while
/// they are connected; with `arrive` for it, the first connecting brings them back when they have gone for good.
#[tokio::test]
async fn whoever_is_there_is_so_by_the_newest_news_of_each_gateway() {
    let mut story = Story::start().await;
    let (sari, gateway_id) = (person(1), GatewayId(Uuid::now_v7()));
    let first = story.send(&sari, ConnectUser { gateway_id }).await;
    let gone = story.send(&sari, DisconnectUser { gateway_id }).await;
    assert_eq!(story.late(&first).await, []);
    let back = story.send(&sari, ConnectUser { gateway_id }).await;
    story.late(&gone).await;
    story.late(&first).await;
    assert!(story.stack.read::<bool>("SELECT disconnected_at IS NULL FROM online_users").await);
    story.send(&sari, DisconnectUser { gateway_id }).await;
    story.stack.sql("UPDATE online_users SET disconnected_at = disconnected_at - interval '1 minute'").await;
    story.send(&Actor::system(), ExpirePresence { user_id: sari.user_id }).await;
    assert_eq!(story.stack.read::<i64>("SELECT count(*) FROM online_users").await, 0);
    story.late(&back).await;
    // One that never came before is no newer for that: its publish was not confirmed, and is repeated behind the next.
    let [connect, disconnect] = [Uuid::now_v7(), Uuid::now_v7()];
    let sent = Sent { id: disconnect, through: REPLIES, who: sari.clone(), command: DisconnectUser { gateway_id } };
    story.apply(&sent).await;
    story.late(&Sent { id: connect, through: REPLIES, who: sari.clone(), command: ConnectUser { gateway_id } }).await;
    // What one gateway says is neither older nor newer than what another says.
    let another = GatewayId(Uuid::now_v7());
    let here = story.send(&sari, ConnectUser { gateway_id: another }).await;
    story.send(&sari, ConnectUser { gateway_id }).await;
    story.late(&here).await;
    assert_eq!(story.stack.read::<i64>("SELECT count(*) FROM online_users WHERE disconnected_at IS NULL").await, 2);
}

/// The control: with `choose` for every command, the status is "away" again.
#[tokio::test]
async fn the_last_status_that_was_chosen_stays() {
    let mut story = Story::start().await;
    let sari = person(1);
    let away = story.send(&sari, SetStatus { status: ChosenStatus::Away }).await;
    let busy = story.send_through(ANOTHER, &sari, SetStatus { status: ChosenStatus::Busy }).await;
    story.late(&away).await;
    story.send(&sari, SetStatus { status: ChosenStatus::Dnd }).await;
    story.late(&away).await;
    story.late(&busy).await;
    assert_eq!(story.stack.read::<String>("SELECT status FROM user_presence").await, "dnd");
}

/// The control: with `join` that knows the latest join only and `leave` that knows none, the first join brings back who has
/// left, the first leaving takes out who is in, and the same goes for the sockets in the room; without `still_there` they leave with both.
#[tokio::test]
async fn who_takes_part_in_a_room_does_so_by_the_newest_word() {
    let mut story = Story::start().await;
    let (sari, here) = (person(1), room("room-1"));
    let (join, leave) =
        (|| JoinRoom { room_id: room("room-1"), since_seq: None }, || LeaveRoom { room_id: room("room-1") });
    let gateway: GatewayId = GatewayId(REPLIES.trim_start_matches("reply.").parse().unwrap());
    let first = story.send(&sari, join()).await;
    let left = story.send(&sari, leave()).await;
    story.send(&sari, join()).await;
    story.late(&left).await;
    story.send(&sari, leave()).await;
    assert_eq!(story.late(&first).await, [], "nobody joined");
    story.late(&left).await;
    // Through another gateway they are in it again: leaving it through the first is old.
    story.send_through(ANOTHER, &sari, join()).await;
    story.late(&left).await;
    story.late(&first).await;
    assert_eq!(story.stack.read::<i64>("SELECT count(*) FROM chat_participants WHERE left_at IS NULL").await, 1);
    // The sockets in it.
    let exit = || ExitRoom { room_id: room("room-1"), gateway_id: gateway };
    let entered = story.send(&sari, join()).await;
    let gone = story.send(&sari, exit()).await;
    story.late(&entered).await;
    story.send(&sari, join()).await;
    story.late(&gone).await;
    assert_eq!(story.stack.read::<i64>("SELECT count(*) FROM chat_room_sockets").await, 2, "in {here} through both");
    // Whoever leaves with one of their tabs is in it with the other.
    let another = GatewayId(ANOTHER.trim_start_matches("reply.").parse().unwrap());
    story.send(&sari, ConnectUser { gateway_id: another }).await;
    story.send(&sari, leave()).await;
    assert_eq!(story.stack.delivered().await, [], "nobody left");
    story.send_through(ANOTHER, &sari, leave()).await;
    assert_eq!(story.stack.delivered().await.len(), 1, "they left");
}

/// The control: with `set` for every command, the reaction that was taken back is there again.
#[tokio::test]
async fn a_reaction_that_was_taken_back_stays_so() {
    let mut story = Story::start().await;
    let (sari, here) = (person(1), room("room-1"));
    story.stack.join(&sari, &here).await;
    let message_id = story.stack.send(&sari, message(&here, "one")).await.unwrap().message.id;
    let react = |on| ReactToMessage { message_id, emoji: "👍".to_owned().try_into().unwrap(), on };
    let on = story.send(&sari, react(true)).await;
    let off = story.send(&sari, react(false)).await;
    story.late(&on).await;
    story.send_through(ANOTHER, &sari, react(true)).await;
    story.late(&off).await;
    assert_eq!(story.stack.read::<i64>("SELECT count(*) FROM chat_reactions").await, 1);
}

/// The control: by the versions that are kept of a message an edit is known for twenty more; the message says the first again.
#[tokio::test]
async fn an_edit_is_known_however_many_came_after_it() {
    let mut story = Story::start().await;
    let (sari, here) = (person(1), room("room-1"));
    story.stack.join(&sari, &here).await;
    let message_id: MessageId = story.stack.send(&sari, message(&here, "one")).await.unwrap().message.id;
    let edit = |text: String| EditMessage { message_id, message: text.try_into().unwrap() };
    let first = story.send(&sari, edit("edit 0".to_owned())).await;
    let second = story.send(&sari, edit("edit 1".to_owned())).await;
    for number in 2..25 {
        story.stack.send(&sari, edit(format!("edit {number}"))).await.unwrap();
    }
    story.late(&first).await;
    story.late(&second).await;
    assert_eq!(story.stack.read::<String>("SELECT message FROM chat_messages").await, "edit 24");
}

/// The control: with the latest joining and leaving known only, older ones bring people in and take them out again.
#[tokio::test]
async fn who_is_in_a_group_is_so_by_the_newest_word() {
    let mut story = Story::start().await;
    let (sari, budi) = (person(1), person(2));
    let group = CreateGroup {
        name: "Anatomi".to_owned().try_into().unwrap(),
        description: None,
        specialty: None,
        max_members: 5.try_into().unwrap(),
        is_public: false,
    };
    let created = Sent { id: Uuid::now_v7(), through: REPLIES, who: sari.clone(), command: group };
    let group_id = GroupId(story.apply(&created).await["id"].as_str().unwrap().parse().unwrap());
    let user_id = budi.user_id;
    let invited = story.send(&sari, InviteMember { group_id, user_id }).await;
    let joined = story.send(&budi, JoinGroup { group_id }).await;
    let left = story.send(&budi, LeaveGroup { group_id }).await;
    story.send(&sari, InviteMember { group_id, user_id }).await;
    story.send_through(ANOTHER, &budi, JoinGroup { group_id }).await;
    story.late(&left).await;
    let removed = story.send(&sari, RemoveMember { group_id, user_id }).await;
    assert_eq!(story.late(&joined).await, [], "nobody joined");
    story.late(&invited).await;
    story.send(&sari, InviteMember { group_id, user_id }).await;
    story.send_through(ANOTHER, &budi, JoinGroup { group_id }).await;
    story.late(&removed).await;
    let sql = "SELECT count(*) FROM study_group_members WHERE left_at IS NULL";
    assert_eq!(story.stack.read::<i64>(sql).await, 2);
}
