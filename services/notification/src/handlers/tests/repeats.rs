//! A command or an event that comes once more is known: the same answer, the same is published, nothing is changed.
//! Whatever happened in between stays as it is.

use std::fmt::Debug;

use serde::Serialize;
use serde_json::{Value, json};
use sinaesta_bus::{CommandHandler, EventHandler, Heard, Received};
use sinaesta_contracts::chat::{MessagesPosted, PostedMessage, RoomRead};
use sinaesta_contracts::leaderboard::{BoardId, Overtake, PeopleOvertaken, Period};
use sinaesta_contracts::notification::{
    ClearRoom, Notice, Notify, Priority, ReadAllNotifications, ReadNotification, RemoveAnnouncements, RepeatUrgent,
    SendReminder, SetPreferences, SubscribePush, UnsubscribePush,
};
use sinaesta_contracts::study_group::GroupInvited;
use sinaesta_contracts::{Actor, Command, GroupId, MessageId, Role, Timestamp};
use time::Duration;
use uuid::Uuid;

use super::stamps::commands;
use super::*;
use crate::handlers::*;

/// Applies a command; then once more, in a batch by itself; then once more beside itself.
async fn is_known<H: CommandHandler>(bench: &Bench, handler: &H, one: &Received<H::Command>) -> Came
where
    H::Command: Clone + Debug,
    <H::Command as Command>::Reply: Serialize,
{
    let first = apply(handler, std::slice::from_ref(one)).await.pop().unwrap();
    let stored = bench.everything().await;
    for batch in [vec![one.clone()], vec![again(one)], vec![one.clone(), again(one)]] {
        for repeat in apply(handler, &batch).await {
            assert_eq!(repeat, first, "a repeat of {:?}", one.command);
        }
        assert_eq!(bench.everything().await, stored, "a repeat of {:?}", one.command);
    }
    first
}

/// The same when it comes twice in its very first batch.
async fn is_one<H: CommandHandler>(bench: &Bench, handler: &H, one: &Received<H::Command>)
where
    H::Command: Clone + Debug,
    <H::Command as Command>::Reply: Serialize,
{
    let both = apply(handler, &[one.clone(), again(one)]).await;
    assert_eq!(both[0], both[1], "twice in a batch: {:?}", one.command);
    assert_eq!(is_known(bench, handler, one).await, both[0]);
}

async fn is_heard_once<H: EventHandler>(bench: &Bench, handler: &H, one: &Heard<H::Event>)
where
    H::Event: Clone + Debug,
{
    let first = hear(handler, &[one.clone(), one.clone()]).await;
    let stored = bench.everything().await;
    for _ in 0..2 {
        assert_eq!(hear(handler, std::slice::from_ref(one)).await, first, "a repeat of {:?}", one.event);
        assert_eq!(bench.everything().await, stored, "a repeat of {:?}", one.event);
    }
}

fn notify_handler(bench: &Bench) -> notify::Handler {
    notify::Handler(bench.context.clone())
}

fn invited(user: &Actor) -> Notify {
    let (group_id, group_name) = (GroupId(Uuid::from_u128(9)), "EKG".to_owned());
    let (by_name, occasion) = ("Putri".to_owned(), "1".to_owned());
    Notify { user_id: user.user_id, notice: Notice::Invited { group_id, group_name, by_name, occasion } }
}

fn overtaken(user: &Actor) -> Notify {
    let board = BoardId { period: Period::Weekly, specialty: None };
    Notify { user_id: user.user_id, notice: Notice::Overtaken { board, by_name: "Putri".into(), rank: 2 } }
}

fn subscription(endpoint: &str) -> SubscribePush {
    // Of RFC 8291, section 5.
    serde_json::from_value(json!({ "endpoint": endpoint, "keys": {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    }}))
    .unwrap()
}

fn unsubscription(endpoint: &str) -> UnsubscribePush {
    serde_json::from_value(json!({ "endpoint": endpoint })).unwrap()
}

#[tokio::test]
async fn what_is_sent_is_sent_once() {
    let bench = Bench::start().await;
    let (student, admin) = (bench.user(1, Role::Student).await, bench.user(2, Role::SuperAdmin).await);
    bench.browser(&student, "https://push.example/1").await;
    let handler = send_notification::Handler(bench.context.clone());
    let own = command(11, &student, note("own", Priority::Urgent), 0);
    let (answer, published) = is_known(&bench, &handler, &own).await;
    assert_eq!(answer["ok"], json!({ "notificationId": id(11), "timestamp": "2026-11-23T08:00:00.000Z" }));
    assert_eq!(published[0].1["unread_count"], 1);
    is_one(&bench, &handler, &command(12, &student, note("twice", Priority::Normal), 1)).await;
    let (_, published) =
        is_known(&bench, &handler, &command(13, &admin, note_to_all("all", Priority::Normal), 2)).await;
    assert_eq!(published[0].0, "new-notification to All");
    is_one(&bench, &handler, &command(14, &admin, note_to_all("all twice", Priority::Normal), 3)).await;
    let (refused, published) =
        is_known(&bench, &handler, &command(15, &student, note_to_all("no", Priority::Normal), 4)).await;
    assert_eq!((refused["error"]["code"].as_str(), published.len()), (Some("auth/forbidden"), 0));
}

#[tokio::test]
async fn what_is_read_is_read_once() {
    let bench = Bench::start().await;
    let (student, admin) = (bench.user(1, Role::Student).await, bench.user(2, Role::SuperAdmin).await);
    let send = send_notification::Handler(bench.context.clone());
    for number in [11, 12, 13] {
        apply(&send, &[command(number, &student, note("own", Priority::Normal), 0)]).await;
    }
    for number in [21, 22] {
        apply(&send, &[command(number, &admin, note_to_all("all", Priority::Normal), 0)]).await;
    }
    let read = |number| ReadNotification { notification_id: id(number) };
    let handler = read_notification::Handler(bench.context.clone());
    let (answer, _) = is_known(&bench, &handler, &command(31, &student, read(11), 10)).await;
    assert_eq!(answer["ok"]["unreadCount"], 4);
    is_known(&bench, &handler, &command(32, &student, read(21), 11)).await;
    is_one(&bench, &handler, &command(33, &student, read(12), 12)).await;
    is_known(&bench, &handler, &command(34, &student, read(99), 13)).await;
    // Hidden since: it was read all the same.
    let hide = SetPreferences { preferences: system_is(false) };
    apply(&set_preferences::Handler(bench.context.clone()), &[command(35, &student, hide, 14)]).await;
    let (answer, _) = is_known(&bench, &handler, &command(31, &student, read(11), 10)).await;
    assert_eq!(answer["ok"]["notificationId"], json!(id(11)));
    let show = SetPreferences { preferences: system_is(true) };
    apply(&set_preferences::Handler(bench.context.clone()), &[command(36, &student, show, 15)]).await;
    let all = read_all_notifications::Handler(bench.context.clone());
    is_one(&bench, &all, &command(41, &student, ReadAllNotifications {}, 20)).await;
    assert_eq!(bench.unread(&student).await, [Value::Null; 0]);
}

#[tokio::test]
async fn what_came_since_is_not_read_by_a_repeat() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let send = send_notification::Handler(bench.context.clone());
    let handler = read_all_notifications::Handler(bench.context.clone());
    apply(&send, &[command(11, &student, note("before", Priority::Normal), 0)]).await;
    let all = command(21, &student, ReadAllNotifications {}, 1);
    let (first, _) = apply(&handler, std::slice::from_ref(&all)).await.remove(0);
    apply(&send, &[command(12, &student, note("since", Priority::Normal), 2)]).await;
    // Another one of another tab in between, which is the last that is remembered.
    let (repeat, _) = apply(&handler, &[again(&all)]).await.remove(0);
    assert_eq!(bench.unread(&student).await, ["since"]);
    assert_eq!(repeat["ok"]["readUpToVersion"], first["ok"]["readUpToVersion"]);
    apply(&handler, &[command(22, &student, ReadAllNotifications {}, 3)]).await;
    apply(&send, &[command(13, &student, note("later", Priority::Normal), 4)]).await;
    apply(&handler, &[all.clone(), again(&all)]).await;
    assert_eq!(bench.unread(&student).await, ["later"]);
}

#[tokio::test]
async fn what_is_wanted_is_set_once() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let handler = set_preferences::Handler(bench.context.clone());
    let off = command(11, &student, SetPreferences { preferences: system_is(false) }, 0);
    is_one(&bench, &handler, &off).await;
    is_known(&bench, &handler, &command(12, &student, SetPreferences { preferences: system_is(true) }, 1)).await;
    // The first of the two comes again: what was decided since holds.
    let (answer, _) = apply(&handler, &[again(&off)]).await.remove(0);
    assert_eq!(answer["ok"]["preferences"]["SYSTEM"]["enabled"], true);
}

#[tokio::test]
async fn a_browser_that_has_signed_off_is_not_signed_on_by_a_repeat() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let (on, off) = (subscribe_push::Handler(bench.context.clone()), unsubscribe_push::Handler(bench.context.clone()));
    let first = command(11, &student, subscription("https://push.example/1"), 0);
    is_one(&bench, &on, &first).await;
    let gone = command(12, &student, unsubscription("https://push.example/1"), 1);
    is_one(&bench, &off, &gone).await;
    apply(&on, &[again(&first)]).await;
    assert_eq!(bench.values("SELECT endpoint FROM push_subscriptions").await, [Value::Null; 0]);
    apply(&on, &[command(13, &student, subscription("https://push.example/1"), 2)]).await;
    apply(&off, &[again(&gone)]).await;
    assert_eq!(bench.values("SELECT endpoint FROM push_subscriptions").await, ["https://push.example/1"]);
    is_known(&bench, &on, &command(14, &student, subscription("https://evil.example/1"), 3)).await;
}

#[tokio::test]
async fn what_the_system_tells_is_told_once() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    bench.browser(&student, "https://push.example/1").await;
    hear(&sessions_begun::Handler(bench.context.clone()), &[event("begun", begun(student.user_id, 7, 0), 0)]).await;
    let send = send_notification::Handler(bench.context.clone());
    apply(&send, &[command(10, &student, note("held back", Priority::Normal), 1)]).await;
    let handler = notify_handler(&bench);
    for (number, notice) in [
        (11, graded(student.user_id, 7, 1)),
        (12, waiting(student.user_id, "mentor:7", 3, 4)),
        (13, waiting(student.user_id, "mentor:7", 5, 6)),
        (14, invited(&student)),
        (15, overtaken(&student)),
    ] {
        let (_, published) = is_known(&bench, &handler, &command(number, &system(), notice, number as i64)).await;
        assert_eq!(published.len(), if number == 11 { 2 } else { 1 }, "{published:?}");
    }
    for (number, notice) in [
        (21, graded(student.user_id, 8, 1)),
        (22, waiting(student.user_id, "mentor:8", 3, 4)),
        (23, graded(student.user_id, 9, 2)),
    ] {
        is_one(&bench, &handler, &command(number, &system(), notice, number as i64)).await;
    }
    let unread = bench.unread(&student).await;
    assert_eq!(unread.len(), 8, "{unread:?}");
}

/// The places in what a command publishes are what a repeat is known by: each must say the same of the same.
#[tokio::test]
async fn what_an_exam_held_back_keeps_its_place_when_it_is_told_again() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    hear(&sessions_begun::Handler(bench.context.clone()), &[event("begun", begun(student.user_id, 7, 0), 0)]).await;
    let send = send_notification::Handler(bench.context.clone());
    for (number, title) in [(11, "first"), (12, "second")] {
        apply(&send, &[command(number, &student, note(title, Priority::Normal), number as i64)]).await;
    }
    let handler = notify_handler(&bench);
    let graded = command(21, &system(), graded(student.user_id, 7, 1), 60);
    let places = |came: Vec<Came>| {
        let id = |(_, told): &(String, Value)| told.get("id").or(told.get("notificationId")).unwrap().clone();
        came[0].1.iter().map(id).collect::<Vec<_>>()
    };
    let before = places(apply(&handler, std::slice::from_ref(&graded)).await);
    assert_eq!(before.len(), 3);
    let read = ReadNotification { notification_id: id(11) };
    apply(&read_notification::Handler(bench.context.clone()), &[command(22, &student, read, 61)]).await;
    apply(&send, &[command(13, &student, note("third", Priority::Normal), 62)]).await;
    let came = apply(&handler, std::slice::from_ref(&graded)).await;
    assert_eq!(came[0].1[0].1["unreadCount"], 3, "what is read since is not new: {:?}", came[0].1[0]);
    assert_eq!(places(came), before);
    // Graded by a corrected key, or told of by another command: the exam ended once, and so does what it held back.
    let other = Received { id: Uuid::from_u128(31), ..graded };
    assert_eq!(apply(&handler, &[other]).await[0].1, []);
}

#[tokio::test]
async fn a_room_that_is_read_is_read_once() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let notify = notify_handler(&bench);
    apply(&notify, &[command(11, &system(), waiting(student.user_id, "mentor:7", 3, 4), 0)]).await;
    let handler = clear_room::Handler(bench.context.clone());
    let clear = |number, seq| {
        let clear = ClearRoom { user_id: student.user_id, room_id: "mentor:7".parse().unwrap(), seq };
        command(number, &system(), clear, number as i64)
    };
    let (_, published) = is_known(&bench, &handler, &clear(21, 3)).await;
    assert_eq!(published, [], "not all of it is read");
    let (_, published) = is_known(&bench, &handler, &clear(22, 4)).await;
    assert_eq!(published[0].1["unreadCount"], 0);
    apply(&notify, &[command(12, &system(), waiting(student.user_id, "mentor:7", 5, 6), 30)]).await;
    is_known(&bench, &handler, &clear(21, 4)).await;
    assert_eq!(bench.unread(&student).await.len(), 1);
    is_one(&bench, &handler, &clear(23, 6)).await;
    // Two in one batch that both cover it: one of them tells.
    apply(&notify, &[command(13, &system(), waiting(student.user_id, "mentor:7", 7, 8), 40)]).await;
    let both = [clear(24, 8), clear(25, 9)];
    let came = apply(&handler, &both).await;
    assert_eq!(came.iter().map(|one| one.1.len()).sum::<usize>(), 1);
    assert_eq!(apply(&handler, &both).await, came);
}

#[tokio::test]
async fn reminders_repeats_and_removals_are_done_once() {
    let bench = Bench::start().await;
    let (student, admin) = (bench.user(1, Role::Student).await, bench.user(2, Role::SuperAdmin).await);
    bench.browser(&student, "https://push.example/1").await;
    let schedule = exam_scheduled::Handler(bench.context.clone());
    is_heard_once(
        &bench,
        &schedule,
        &event("scheduled", scheduled(7, START + Duration::minutes(60), START - Duration::minutes(1)), 0),
    )
    .await;
    let remind = send_reminder::Handler(bench.context.clone());
    let reminder = SendReminder { exam_id: ExamId(Uuid::from_u128(7)), lead_minutes: 60 };
    let (_, published) = is_known(&bench, &remind, &command(11, &system(), reminder.clone(), 1)).await;
    assert_eq!(published.len(), 1);
    let (_, published) = is_known(&bench, &remind, &command(12, &system(), reminder, 2)).await;
    assert_eq!(published, [], "another command has sent it");

    let send = send_notification::Handler(bench.context.clone());
    apply(&send, &[command(21, &student, note("urgent", Priority::Urgent), 0)]).await;
    apply(&send, &[command(22, &admin, note_to_all("urgent to all", Priority::Urgent), 0)]).await;
    let handler = repeat_urgent::Handler(bench.context.clone());
    let repeat = |number: u128, what: u128, seconds| {
        let user_id = (what == 21).then_some(student.user_id);
        command(number, &system(), RepeatUrgent { notification_id: id(what), user_id }, seconds)
    };
    for (number, what) in [(31, 21), (32, 22)] {
        let (_, published) = is_known(&bench, &handler, &repeat(number, what, 60)).await;
        assert_eq!(published.len(), 1);
        // Noticed by two, and by one too early.
        let came = apply(&handler, &[repeat(number + 10, what, 61), repeat(number + 20, what, 119)]).await;
        assert_eq!(came.iter().map(|one| one.1.len()).sum::<usize>(), 0);
        is_one(&bench, &handler, &repeat(number + 30, what, 121)).await;
    }

    for number in 100..125 {
        apply(&send, &[command(number, &admin, note_to_all("old", Priority::Normal), 0)]).await;
    }
    let remove = remove_announcements::Handler(bench.context.clone());
    let days = |count: i64| count * 24 * 60 * 60;
    let (_, published) = is_known(&bench, &remove, &command(41, &system(), RemoveAnnouncements {}, days(80))).await;
    assert_eq!(published, []);
    let (_, published) = is_known(&bench, &remove, &command(42, &system(), RemoveAnnouncements {}, days(91))).await;
    assert_eq!(published.len(), 20);
    let (_, published) = is_known(&bench, &remove, &command(43, &system(), RemoveAnnouncements {}, days(91))).await;
    assert_eq!(published.len(), 7);
}

#[tokio::test]
async fn events_are_heard_once() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let begin = sessions_begun::Handler(bench.context.clone());
    is_heard_once(&bench, &begin, &event("begun", begun(student.user_id, 7, 0), 0)).await;
    let schedule = exam_scheduled::Handler(bench.context.clone());
    for (name, hours) in [("scheduled", 24), ("moved", 48)] {
        let starts_at = START + Duration::hours(hours);
        is_heard_once(&bench, &schedule, &event(name, scheduled(7, starts_at, START + Duration::hours(hours - 24)), 0))
            .await;
    }
    apply(&notify_handler(&bench), &[command(11, &system(), graded(student.user_id, 7, 1), 1)]).await;
    is_heard_once(&bench, &begin, &event("begun", begun(student.user_id, 7, 0), 0)).await;
    let read = RoomRead { room_id: "mentor:7".parse().unwrap(), user_id: student.user_id, seq: 4 };
    is_heard_once(&bench, &room_read::Handler(bench.context.clone()), &event("read", read, 0)).await;
    // Nobody says who is away: it is put off, once.
    let message = PostedMessage {
        id: MessageId(Uuid::from_u128(1)),
        seq: 5,
        sender_id: student.user_id,
        sender_name: "Putri".into(),
        excerpt: "Halo".into(),
    };
    let posted = MessagesPosted { room_id: "mentor:7".parse().unwrap(), messages: vec![message] };
    is_heard_once(&bench, &messages_posted::Handler(bench.context.clone()), &event("posted", posted, 0)).await;
    assert_eq!(bench.values("SELECT count(*) FROM notification_posted").await, [1]);
    let group = GroupInvited {
        group_id: GroupId(Uuid::from_u128(9)),
        group_name: "EKG".into(),
        user_id: student.user_id,
        by: student.user_id,
        by_name: "Putri".into(),
    };
    is_heard_once(&bench, &group_invited::Handler(bench.context.clone()), &event("invited", group, 0)).await;
    let overtake = Overtake {
        user_id: student.user_id,
        by: student.user_id,
        by_name: "Putri".into(),
        board: BoardId { period: Period::Weekly, specialty: None },
        rank: 2,
        at: Timestamp(START),
    };
    let handler = people_overtaken::Handler(bench.context.clone());
    is_heard_once(&bench, &handler, &event("overtaken", PeopleOvertaken { overtakes: vec![overtake] }, 0)).await;
}

/// The broker takes no commands for a while: what was heard of comes again, and they are told then.
#[tokio::test]
async fn an_event_whose_commands_the_broker_has_no_room_for_is_to_come_again() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let jetstream = async_nats::jetstream::new(bench.client().await);
    let queue = jetstream.get_stream("COMMANDS-notification").await.unwrap();
    let config = queue.cached_info().config.clone();
    jetstream.update_stream(&async_nats::jetstream::stream::Config { max_bytes: 1, ..config.clone() }).await.unwrap();
    let invited = |number: u128| GroupInvited {
        group_id: GroupId(Uuid::from_u128(number)),
        group_name: "EKG".into(),
        user_id: student.user_id,
        by: student.user_id,
        by_name: "Putri".into(),
    };
    let batch = [event("one", invited(1), 0), event("other", invited(2), 1)];
    let handler = group_invited::Handler(bench.context.clone());
    let failed = handler.handle(&batch).await.unwrap_err();
    assert!(failed.to_string().contains("2 commands were not taken"), "{failed}");
    jetstream.update_stream(&config).await.unwrap();
    hear(&handler, &batch).await;
    assert_eq!(commands(&bench).await, 2);
}
