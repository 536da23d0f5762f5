//! A replica's own clock decides nothing.

use std::time::Duration;

use sinaesta_clock::Clock;
use sinaesta_contracts::exam::{CompleteExam, EnterExam, ExpireSession, SessionStatus, StartExam};
use sinaesta_contracts::exam_grading::CompletionReason;
use sinaesta_contracts::proctoring::{ExtendExam, MonitorExam, PauseExam, ResumeExam};
use sinaesta_contracts::{Actor, ExamId, GatewayId, code};
use sinaesta_testkit::until;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::stack::{Stack, ahead_by, answer, mentor, progress, student};

/// What proctors were told last of a student.
async fn seen(stack: &Stack, exam_id: ExamId, who: &Actor) -> serde_json::Value {
    stack.settled().await;
    let updates = stack.published(&format!("deliver.proctors.{exam_id}")).await;
    let of = |update: &serde_json::Value| {
        let all = update["participants"].as_array().unwrap();
        all.iter().find(|one| one["user_id"] == who.user_id.to_string()).cloned()
    };
    updates.iter().rev().find_map(of).unwrap()
}

fn is_now(told: &serde_json::Value) -> bool {
    let told = OffsetDateTime::parse(told.as_str().unwrap(), &Rfc3339).unwrap();
    (told - Clock::system().now()).abs() < time::Duration::seconds(30)
}

/// An exam of one minute that begins with its student, from the beginning to the end.
async fn sit(clock: Clock, follows: bool) {
    let stack = Stack::without_replicas(1).await;
    let _replica = stack.replica(&clock);
    let (putri, author) = (student(1), mentor());
    let exam_id = stack.exam(2).await;
    let minute = "UPDATE exams SET duration_minutes = 1 WHERE id = $1 RETURNING true";
    assert!(stack.is(minute, exam_id).await);
    let is_left = |seconds: i64| (30..=60).contains(&seconds);

    let joined = stack.join(&putri, exam_id).await;
    assert_eq!(joined.session.status, SessionStatus::InProgress);
    assert!(is_left(joined.session.time_remaining), "{} s", joined.session.time_remaining);
    assert_eq!(joined.exam.questions.len(), 2);
    assert!((joined.server_time.0 - Clock::system().now()).abs() < time::Duration::seconds(30));
    let told = seen(&stack, exam_id, &putri).await;
    assert_eq!(told["status"], "IN_PROGRESS");
    assert!(is_left(told["time_remaining"].as_i64().unwrap()), "{told}");

    let saved = stack.send(&putri, progress(exam_id, &[Some(1)])).await.unwrap();
    assert!(is_left(saved.time_remaining), "{} s", saved.time_remaining);
    stack.answer(&putri, exam_id, 1, 1).await;
    let gateway_id = GatewayId(Uuid::from_u128(1));
    stack.send(&putri, EnterExam { exam_id, gateway_id }).await.unwrap();
    assert!(is_left(seen(&stack, exam_id, &putri).await["time_remaining"].as_i64().unwrap()));

    stack.send(&author, PauseExam { exam_id, user_id: None }).await.unwrap();
    stack.send(&author, ResumeExam { exam_id, user_id: None }).await.unwrap();
    stack.send(&author, ExtendExam { exam_id, user_id: None, minutes: 1.try_into().unwrap() }).await.unwrap();
    stack.settled().await;
    let told = stack.published(&format!("deliver.user.{}", putri.user_id)).await;
    let [paused, resumed, extended] = told.as_slice() else { unreachable!("{told:?}") };
    assert!(is_left(paused["timeRemaining"].as_i64().unwrap()), "{paused}");
    assert!(is_now(&resumed["serverTime"]), "{resumed}");
    assert!(is_now(&extended["serverTime"]), "{extended}");

    // A question has no stamp. By a clock that follows nothing, its deadline would be over.
    if follows {
        let snapshot = stack.bus.ask(&author, &MonitorExam { exam_id }).await.unwrap();
        let [row] = snapshot.participants.as_slice() else { unreachable!("one student sits it") };
        assert_eq!((row.ends_at, row.score), (stack.join(&putri, exam_id).await.session.ends_at, None));
        assert_eq!(row.status, SessionStatus::InProgress);
        assert!(is_left(row.time_remaining - 60), "{} s", row.time_remaining);
        assert!(is_now(&serde_json::json!(snapshot.server_time)));
    }

    // In the grace: a timer that is ahead has had its say since long, one that is behind has not.
    stack.end_time(exam_id, 0.0).await;
    stack.answer(&putri, exam_id, 0, 0).await;
    let past = "SELECT bool_and(now() > ends_at + interval '2 s') FROM exam_sessions WHERE exam_id = $1";
    until("the grace is over", async || stack.is(past, exam_id).await).await;
    let late = stack.send(&putri, answer(exam_id, 1, 0)).await.unwrap_err();
    assert_eq!(late.code, code::EXAM_TIME_EXPIRED);
    if follows {
        let is_graded = "SELECT EXISTS (SELECT FROM exam_results WHERE exam_id = $1)";
        until("the service notices", async || stack.is(is_graded, exam_id).await).await;
    } else {
        stack.send(&Actor::system(), ExpireSession { exam_id, user_id: putri.user_id }).await.unwrap();
    }
    let completed = stack.complete(&putri, exam_id).await;
    assert_eq!(completed.reason, CompletionReason::TimeExpired);
    assert_eq!(completed.result.correct_count, 1, "the first one was changed within the grace");
    let by_stamps = "SELECT r.completed_at = date_trunc('milliseconds', s.ends_at) AND abs(extract(epoch FROM r.graded_at - now())) < 30
                     FROM exam_results r JOIN exam_sessions s ON s.id = r.session_id WHERE r.exam_id = $1";
    assert!(stack.is(by_stamps, exam_id).await);
}

/// A machine's clock that nobody sets. The service's follows the broker's.
fn wrong(seconds: i64) -> Clock {
    Clock::system_with_error(time::Duration::seconds(seconds))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_of_a_minute_is_a_minute_on_a_machine_whose_clock_is_ahead() {
    sit(wrong(90), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_of_a_minute_is_a_minute_on_a_machine_whose_clock_is_behind() {
    sit(wrong(-90), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_of_a_minute_is_a_minute_by_a_clock_that_is_ahead_and_follows_nothing() {
    sit(ahead_by(90), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_of_a_minute_is_a_minute_by_a_clock_that_is_behind_and_follows_nothing() {
    sit(ahead_by(-90), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_begins_sooner_by_a_clock_that_is_ahead() {
    let stack = Stack::without_replicas(1).await;
    let _replica = stack.replica(&ahead_by(90));
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    let begins = stack.schedule(exam_id, Duration::from_millis(2_500)).await;
    let joined = stack.join(&putri, exam_id).await;
    assert_eq!(joined.session.status, SessionStatus::Waiting);
    assert!(joined.exam.questions.is_empty());
    let started = format!("deliver.exam.{exam_id}");
    until("it begins", async || !stack.published(&started).await.is_empty()).await;
    let told = stack.published(&started).await;
    let at = OffsetDateTime::parse(told[0]["serverTime"].as_str().unwrap(), &Rfc3339).unwrap();
    assert!(at >= begins - time::Duration::milliseconds(1) && at < begins + time::Duration::seconds(10), "{at}");
    let joined = stack.join(&putri, exam_id).await;
    assert_eq!((joined.session.status, joined.exam.questions.len()), (SessionStatus::InProgress, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_begins_later_by_a_clock_that_is_behind() {
    let stack = Stack::without_replicas(1).await;
    let _replica = stack.replica(&ahead_by(-90));
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.schedule(exam_id, Duration::from_millis(1_000)).await;
    let waits = stack.join(&putri, exam_id).await;
    assert_eq!(waits.session.status, SessionStatus::Waiting);
    let has_begun = "SELECT scheduled_start < now() FROM exams WHERE id = $1";
    until("it begins", async || stack.is(has_begun, exam_id).await).await;
    // Two replicas notice, in two seconds.
    for _ in 0..2 {
        stack.send(&Actor::system(), StartExam { exam_id }).await.unwrap();
    }
    stack.settled().await;
    assert_eq!(stack.published(&format!("deliver.exam.{exam_id}")).await.len(), 1, "announced once");
    let joined = stack.join(&putri, exam_id).await;
    assert_eq!((joined.session.status, joined.exam.questions.len()), (SessionStatus::InProgress, 2));
    stack.answer(&putri, exam_id, 0, 1).await;
    assert_eq!(stack.send(&putri, CompleteExam { exam_id }).await.unwrap().result.correct_count, 1);
}
