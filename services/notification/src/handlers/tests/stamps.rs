//! The broker's stamp decides, and is what is written; however wrong the service's own clock is.

use sinaesta_bus::QueryHandler;
use sinaesta_contracts::Role;
use sinaesta_contracts::chat::RoomRead;
use sinaesta_contracts::leaderboard::{BoardId, Overtake, PeopleOvertaken, Period};
use sinaesta_contracts::notification::{
    ClearRoom, FindReaders, Notice, Notify, Priority, QuietHours, ReadAllNotifications, ReadNotification,
    RemoveAnnouncements, RepeatUrgent, SetPreferences,
};

use super::*;
use crate::handlers::*;

/// Every moment that is stored is a stamp, or counted from one.
#[tokio::test]
async fn no_moment_that_is_written_is_the_services_own() {
    let bench = Bench::start().await;
    let (student, admin) = (bench.user(1, Role::Student).await, bench.user(2, Role::SuperAdmin).await);
    bench.browser(&student, "https://push.example/1").await;
    hear(&sessions_begun::Handler(bench.context.clone()), &[event("begun", begun(student.user_id, 7, 0), 0)]).await;
    let send = send_notification::Handler(bench.context.clone());
    for (number, sent) in [
        (11, note("own", Priority::Urgent)),
        (12, note("second", Priority::Urgent)),
        (14, note("third", Priority::Urgent)),
    ] {
        apply(&send, &[command(number, &student, sent, 1)]).await;
    }
    apply(&send, &[command(13, &admin, note_to_all("all", Priority::Urgent), 2)]).await;
    let due = "SELECT DISTINCT extract(epoch FROM due_at - '2026-11-23 08:00Z')::float8 FROM push_queue ORDER BY 1";
    assert_eq!(bench.values(due).await, [6, 7], "push_delay_ms after the stamp");
    let notify = notify::Handler(bench.context.clone());
    apply(&notify, &[command(21, &system(), graded(student.user_id, 7, 1), 3)]).await;
    apply(&notify, &[command(22, &system(), waiting(student.user_id, "mentor:7", 3, 4), 4)]).await;
    assert_eq!(bench.values(due).await, [8, 9], "and after that of what releases it");
    let repeat = RepeatUrgent { notification_id: id(11), user_id: Some(student.user_id) };
    let handler = repeat_urgent::Handler(bench.context.clone());
    let came = apply(&handler, &[command(31, &system(), repeat.clone(), 60), command(32, &system(), repeat, 61)]).await;
    assert_eq!(came.iter().map(|one| one.1.len()).collect::<Vec<_>>(), [0, 1], "due 60 s after it was sent");
    let read = ReadNotification { notification_id: id(11) };
    apply(&read_notification::Handler(bench.context.clone()), &[command(41, &student, read, 70)]).await;
    let clear = ClearRoom { user_id: student.user_id, room_id: "mentor:7".parse().unwrap(), seq: 4 };
    apply(&clear_room::Handler(bench.context.clone()), &[command(42, &system(), clear, 71)]).await;
    let all = read_all_notifications::Handler(bench.context.clone());
    apply(&all, &[command(43, &student, ReadAllNotifications {}, 72)]).await;
    let remove = remove_announcements::Handler(bench.context.clone());
    assert_eq!(
        apply(&remove, &[command(51, &system(), RemoveAnnouncements {}, 73)]).await[0].1,
        [],
        "not by its own years"
    );
    let clock = bench.context.clock.now();
    for (table, rows) in bench.everything().await {
        for row in rows {
            for (column, value) in row.as_object().unwrap() {
                let year = value.as_str().and_then(|text| text.strip_prefix("20"));
                let is_moment = column.ends_with("_at") || column.ends_with("_since");
                assert!(
                    !is_moment || year.is_none_or(|year| year.starts_with("26")),
                    "{clock}: {table}.{column} is {value}"
                );
            }
        }
    }
}

#[tokio::test]
async fn it_is_quiet_by_the_stamp_for_one_and_for_all() {
    let bench = Bench::start().await;
    let (student, admin) = (bench.user(1, Role::Student).await, bench.user(2, Role::SuperAdmin).await);
    let time = |text: &str| text.to_owned().try_into().unwrap();
    // The commands are stored at 15:00 in Jakarta and a little later; the service believes that it is 07:00.
    let quiet = QuietHours { from: time("15:00"), until: time("15:01"), time_zone: time_zone("Asia/Jakarta") };
    let mut preferences = system_is(true);
    preferences.system.as_mut().unwrap().quiet_hours = Some(quiet);
    let set = set_preferences::Handler(bench.context.clone());
    apply(&set, &[command(10, &student, SetPreferences { preferences }, 0)]).await;
    let send = send_notification::Handler(bench.context.clone());
    for (number, seconds, is_quiet) in [(11, 59, true), (12, 60, false)] {
        let came = apply(&send, &[command(number, &student, note("own", Priority::Normal), seconds)]).await;
        assert_eq!(came[0].1[0].1["is_silent"], is_quiet, "{seconds} s");
    }
    let find = find_readers::Handler(bench.context.clone());
    for (number, seconds, is_quiet) in [(21, 59, true), (22, 60, false)] {
        apply(&send, &[command(number, &admin, note_to_all("all", Priority::Normal), seconds)]).await;
        let query = FindReaders { notification_id: id(number), users: vec![student.user_id] };
        let readers = find.handle(system(), query).await.unwrap().unwrap();
        assert_eq!((readers[0].is_told, readers[0].is_silent), (true, is_quiet), "{seconds} s");
    }
}

fn time_zone(name: &str) -> sinaesta_contracts::BoundedText<64> {
    name.to_owned().try_into().unwrap()
}

/// What was told on a day is looked for on that day, however late its news comes again.
#[tokio::test]
async fn the_day_of_being_overtaken_is_the_stamps_on_both_sides() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let board = BoardId { period: Period::Weekly, specialty: None };
    let told = Notify {
        user_id: student.user_id,
        notice: Notice::Overtaken { board: board.clone(), by_name: "Putri".into(), rank: 2 },
    };
    apply(&notify::Handler(bench.context.clone()), &[command(11, &system(), told, 0)]).await;
    let handler = people_overtaken::Handler(bench.context.clone());
    let mut posted = Vec::new();
    // 9 hours after 15:00 the day ends in Jakarta.
    for (number, hours) in [(2_u128, 0), (3, 8), (4, 10)] {
        let by = actor(number, Role::Student).user_id;
        let overtake = Overtake {
            user_id: student.user_id,
            by,
            by_name: "Rizky".into(),
            board: board.clone(),
            rank: 3,
            at: Timestamp(START),
        };
        let overtaken = PeopleOvertaken { overtakes: vec![overtake] };
        hear(&handler, &[event(&format!("overtaken {number}"), overtaken, hours * 60 * 60)]).await;
        posted.push(commands(&bench).await);
    }
    assert_eq!(posted, [0, 0, 1]);
}

/// How many commands wait in the queue.
pub(super) async fn commands(bench: &Bench) -> u64 {
    let client = bench.client().await;
    let jetstream = async_nats::jetstream::new(client);
    let mut stream = jetstream.get_stream("COMMANDS-notification").await.unwrap();
    stream.info().await.unwrap().state.messages
}

/// Messages that a user has read are not told of, in whatever order both are heard of, at however many replicas.
#[tokio::test]
async fn what_is_read_while_it_is_told_is_read() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let (notify, read) = (notify::Handler(bench.context.clone()), room_read::Handler(bench.context.clone()));
    for number in 0..30_u128 {
        let room = format!("mentor:{number}");
        let told = [command(100 + number, &system(), waiting(student.user_id, &room, 1, 2), 0)];
        let position = RoomRead { room_id: room.parse().unwrap(), user_id: student.user_id, seq: 2 };
        let heard = [event(&room, position, 0)];
        tokio::join!(apply(&notify, &told), hear(&read, &heard));
    }
    // Each is either not told, or read by a command that was posted.
    let unread = bench.unread(&student).await.len() as u64;
    assert_eq!(commands(&bench).await, unread);
}
