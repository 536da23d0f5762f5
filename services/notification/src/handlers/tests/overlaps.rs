//! Several commands about one thing: in one batch, out of order, or at two replicas at once.

use std::time::Duration;

use serde_json::{Value, json};
use sinaesta_contracts::notification::{Priority, ReadNotification, RepeatUrgent};
use sinaesta_contracts::{Role, UserId};
use sqlx::Connection as _;

use super::*;
use crate::handlers::*;

/// What stands for a room's messages: the first, the last, and whether it is read.
async fn rooms(bench: &Bench) -> Vec<Value> {
    bench
        .values("SELECT jsonb_build_array(first_seq, last_seq, read_at IS NOT NULL) FROM notifications WHERE topic IS NOT NULL ORDER BY first_seq")
        .await
}

#[tokio::test]
async fn messages_of_one_room_are_one_notification_whatever_order_their_commands_have() {
    for numbers in [[11, 12], [12, 11]] {
        for seqs in [[(3, 4), (5, 6)], [(5, 6), (3, 4)]] {
            let bench = Bench::start().await;
            let student = bench.user(1, Role::Student).await;
            let handler = notify::Handler(bench.context.clone());
            let batch: Vec<_> = std::iter::zip(numbers, seqs)
                .map(|(number, (first, last))| {
                    command(number, &system(), waiting(student.user_id, "mentor:7", first, last), number as i64)
                })
                .collect();
            let came = apply(&handler, &batch).await;
            assert_eq!(rooms(&bench).await, [json!([3, 6, false])]);
            assert_eq!(came.iter().map(|one| one.1.len()).sum::<usize>(), 1, "{came:?}");
            let stored = bench.everything().await;
            // As the next owner gets them: together, each by itself, and in another order.
            assert_eq!(apply(&handler, &batch).await, came);
            for (one, before) in std::iter::zip(&batch, &came) {
                assert_eq!(apply(&handler, std::slice::from_ref(one)).await[0], *before);
            }
            assert_eq!(bench.everything().await, stored);
        }
    }
}

#[tokio::test]
async fn two_gradings_of_one_result_in_one_batch_are_two_things_told() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let begin = sessions_begun::Handler(bench.context.clone());
    hear(&begin, &[event("1", begun(student.user_id, 7, 0), 0), event("2", begun(student.user_id, 8, 1), 1)]).await;
    let send = send_notification::Handler(bench.context.clone());
    apply(&send, &[command(11, &student, note("held back", Priority::Normal), 2)]).await;
    bench.browser(&student, "https://push.example/1").await;
    let handler = notify::Handler(bench.context.clone());
    // Two exams of one student end in one batch, one of them by two keys.
    let batch = [
        command(21, &system(), graded(student.user_id, 7, 1), 60),
        command(22, &system(), graded(student.user_id, 7, 2), 61),
        command(23, &system(), graded(student.user_id, 8, 1), 62),
    ];
    let came = apply(&handler, &batch).await;
    let titles: Vec<_> =
        came.iter().map(|one| one.1.iter().map(|told| told.1["title"].clone()).collect::<Vec<_>>()).collect();
    assert_eq!(
        titles,
        [vec!["held back", "Your exam is graded"], vec!["Your exam is graded"], vec!["Your exam is graded"]]
    );
    assert_eq!(apply(&handler, &batch).await, came);
    assert_eq!(bench.unread(&student).await.len(), 4);
}

/// An owner that froze in the middle of a batch wakes up beside the next owner.
#[tokio::test]
async fn two_replicas_that_apply_the_same_batch_at_once_do_it_once() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let (one, other) = (notify::Handler(bench.context.clone()), notify::Handler(bench.context.clone()));
    for number in 0..20_u128 {
        let room = format!("mentor:{number}");
        let batch = [
            command(100 + number, &system(), waiting(student.user_id, &room, 3, 4), 0),
            command(200 + number, &system(), graded(student.user_id, number, 1), 1),
        ];
        let (mine, theirs) = tokio::join!(apply(&one, &batch), apply(&other, &batch));
        assert_eq!(mine.len() + theirs.len(), 4);
    }
    assert_eq!(bench.values("SELECT count(*) FROM notifications").await, [40]);
    let version = "SELECT version FROM notification_inboxes";
    assert_eq!(bench.values(version).await, [20], "each batch was one change");
    let repeat = repeat_urgent::Handler(bench.context.clone());
    let send = send_notification::Handler(bench.context.clone());
    apply(&send, &[command(11, &student, note("urgent", Priority::Urgent), 0)]).await;
    let again = |number, seconds| {
        command(number, &system(), RepeatUrgent { notification_id: id(11), user_id: Some(student.user_id) }, seconds)
    };
    let (first, second) = ([again(31, 60)], [again(32, 61)]);
    tokio::join!(apply(&repeat, &first), apply(&repeat, &second));
    assert_eq!(bench.values("SELECT repeats_left FROM notifications WHERE priority = 'urgent'").await, [4]);
}

/// A read mark that waited for another replica's does not put its own in its place.
#[tokio::test]
async fn what_two_replicas_read_at_once_is_read_once() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let send = send_notification::Handler(bench.context.clone());
    apply(&send, &[command(11, &student, note("own", Priority::Normal), 0)]).await;
    let read = |number, seconds| {
        let read = ReadNotification { notification_id: id(11) };
        [command(number, &student, read, seconds)]
    };
    let handler = read_notification::Handler(bench.context.clone());
    let (first, second) = (read(21, 1), read(22, 2));
    tokio::join!(apply(&handler, &first), apply(&handler, &second));
    assert_eq!(bench.values("SELECT version FROM notification_inboxes").await, [2]);
}

/// A browser is forgotten while something is put into the queue for it.
#[tokio::test]
async fn a_browser_that_goes_meanwhile_costs_no_command() {
    let bench = Bench::start().await;
    let (student, admin) = (bench.user(1, Role::Student).await, bench.user(2, Role::SuperAdmin).await);
    let send = send_notification::Handler(bench.context.clone());
    for (number, sent) in [(11, note("own", Priority::Normal)), (12, note_to_all("all", Priority::Normal))] {
        bench.browser(&student, "https://push.example/1").await;
        let mut forget = bench.context.pool.begin().await.unwrap();
        sqlx::raw_sql("DELETE FROM push_subscriptions").execute(&mut *forget).await.unwrap();
        let who = if number == 11 { &student } else { &admin };
        let batch = [command(number, who, sent, 0)];
        let sending = try_apply(&send, &batch);
        let forgetting = async {
            let mut db = bench.context.pool.acquire().await.unwrap();
            let waits =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            loop {
                let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&mut *db).await.unwrap();
                if waiting > 0 {
                    break;
                }
                db.ping().await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            forget.commit().await.unwrap();
        };
        let (sent, ()) = tokio::join!(sending, forgetting);
        assert!(sent.is_ok(), "{sent:?}");
    }
    assert_eq!(bench.values("SELECT count(*) FROM push_queue").await, [0]);
}

#[tokio::test]
async fn somebody_who_is_not_known_holds_up_nobody() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    let nobody = UserId(Uuid::from_u128(99));
    let handler = notify::Handler(bench.context.clone());
    let batch = [
        command(11, &system(), graded(nobody, 7, 1), 0),
        command(12, &system(), waiting(nobody, "mentor:7", 1, 2), 0),
        command(13, &system(), graded(student.user_id, 8, 1), 0),
    ];
    let came = apply(&handler, &batch).await;
    assert_eq!(came.iter().map(|one| one.1.len()).collect::<Vec<_>>(), [0, 0, 1]);
}

/// Whoever pushes something does not take out of the queue, nor put off, what was put into it once more meanwhile.
#[tokio::test]
async fn what_is_queued_anew_while_it_is_pushed_stays_in_the_queue() {
    let bench = Bench::start().await;
    let student = bench.user(1, Role::Student).await;
    bench.browser(&student, "https://push.example/1").await;
    let send = send_notification::Handler(bench.context.clone());
    apply(&send, &[command(11, &student, note("own", Priority::Urgent), 0)]).await;
    let (later, lease) = (START + time::Duration::MINUTE, time::Duration::MINUTE);
    let mut db = bench.context.pool.acquire().await.unwrap();
    let taken = push::take(&mut db, later, lease, 10).await.unwrap();
    assert_eq!(taken.iter().map(|one| (one.attempts, one.taken_until)).collect::<Vec<_>>(), [(1, later + lease)]);
    let again = RepeatUrgent { notification_id: id(11), user_id: Some(student.user_id) };
    apply(&repeat_urgent::Handler(bench.context.clone()), &[command(12, &system(), again, 61)]).await;
    push::done(&mut db, &taken[0]).await.unwrap();
    push::put_off(&mut db, &taken[0], later, true).await.unwrap();
    let due = later + 10 * time::Duration::SECOND;
    // Who took it dies, again and again: it comes later each time.
    let mut until = due;
    for attempts in 1..4 {
        let taken = push::take(&mut db, until, lease, 10).await.unwrap();
        assert_eq!(taken.iter().map(|one| one.attempts).collect::<Vec<_>>(), [attempts]);
        assert_eq!(taken[0].taken_until, until + attempts * lease);
        assert!(push::take(&mut db, until, lease, 10).await.unwrap().is_empty());
        until = taken[0].taken_until;
    }
    let taken = push::take(&mut db, until, lease, 10).await.unwrap();
    push::put_off(&mut db, &taken[0], until, false).await.unwrap();
    assert_eq!(push::take(&mut db, until, lease, 10).await.unwrap()[0].attempts, 4, "looking at it is no attempt");
}
