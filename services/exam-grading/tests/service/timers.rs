//! One that can't be done keeps no other from being done.

use sinaesta_contracts::exam::{EnterExam, LoseParticipants};
use sinaesta_contracts::exam_authoring::{ListExams, Schedule, ScheduleExam};
use sinaesta_contracts::proctoring::ExtendExam;
use sinaesta_contracts::{Actor, ExamId, GatewayId, code};
use sinaesta_testkit::until;
use uuid::Uuid;

use crate::stack::{Stack, ahead_by, answer, mentor, student};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_cannot_be_graded_do_not_keep_others_from_it() {
    let stack = Stack::without_replicas(1).await;
    let replica = stack.quiet_replica();
    let (exam_id, putri) = (stack.exam(1).await, student(1));
    stack.join(&putri, exam_id).await;
    let broken = stack.exam(1).await;
    // More than a timer takes at once, all of them before Putri's.
    let fill = "WITH gone AS (DELETE FROM questions WHERE exam_id = $1)
                INSERT INTO exam_sessions (id, exam_id, user_id, user_name, started_at, ends_at, record_head, last_activity)
                SELECT gen_random_uuid(), $1, gen_random_uuid(), 'somebody', now() - interval '2 h', now() - interval '1 h', '', now()
                FROM generate_series(1, 1500)";
    sqlx::query(fill).bind(broken.0).execute(&stack.database.pool).await.unwrap();
    stack.end_time(exam_id, 3.0).await;
    drop(replica);
    let _replica = stack.replica(&ahead_by(0));
    let is_graded = "SELECT EXISTS (SELECT FROM exam_results WHERE exam_id = $1)";
    until("Putri is graded", async || stack.is(is_graded, exam_id).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_that_is_held_keeps_nobody_from_reading_or_entering() {
    let stack = Stack::without_replicas(12).await;
    let _replica = stack.quiet_replica();
    let (exam_id, putri, budi) = (stack.exam(1).await, student(1), student(2));
    stack.join(&putri, exam_id).await;
    stack.join(&budi, exam_id).await;
    stack.answer(&putri, exam_id, 0, 1).await;
    let held = stack.hold(exam_id, &putri).await;
    assert_eq!(stack.record(&putri, exam_id).await.entries.len(), 1);
    let gateway_id = GatewayId(Uuid::from_u128(1));
    stack.send(&putri, EnterExam { exam_id, gateway_id }).await.unwrap();
    let entered = stack.send(&budi, EnterExam { exam_id, gateway_id }).await.unwrap();
    assert_eq!(entered.participant_count, 2);
    held.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn students_of_a_gateway_that_is_lost_have_left() {
    let stack = Stack::without_replicas(1).await;
    let _replica = stack.quiet_replica();
    let (exam_id, gateway_id): (ExamId, _) = (stack.exam(1).await, GatewayId(Uuid::from_u128(1)));
    for number in 1..=3 {
        stack.join(&student(number), exam_id).await;
        stack.send(&student(number), EnterExam { exam_id, gateway_id }).await.unwrap();
    }
    let lose = LoseParticipants { exam_id, gateway_id };
    stack.send(&Actor::system(), lose.clone()).await.unwrap();
    let there = stack.send(&student(1), EnterExam { exam_id, gateway_id }).await.unwrap();
    assert_eq!(there.participant_count, 3, "somebody came through it a moment ago");
    let long_ago =
        "UPDATE exam_participants SET entered_at = entered_at - interval '1 minute' WHERE exam_id = $1 RETURNING true";
    assert!(stack.is(long_ago, exam_id).await);
    stack.send(&Actor::system(), lose).await.unwrap();
    let back = stack.send(&student(1), EnterExam { exam_id, gateway_id }).await.unwrap();
    assert_eq!(back.participant_count, 1);
    stack.answer(&student(1), exam_id, 0, 1).await;
    let refused = stack.send(&mentor(), answer(exam_id, 0, 1)).await;
    assert!(refused.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_at_the_end_of_the_calendar_breaks_no_list() {
    let (stack, _replica) = Stack::start().await;
    let exam_id = stack.exam(1).await;
    let [scheduled_start, scheduled_end] =
        ["2999-12-31T22:00:00Z", "2999-12-31T23:00:00Z"].map(|at| serde_json::from_value(at.into()).unwrap());
    let schedule = Schedule { scheduled_start, scheduled_end: Some(scheduled_end) };
    let scheduled = stack.send(&mentor(), ScheduleExam { exam_id, schedule }).await;
    let extend = ExtendExam { exam_id, user_id: None, minutes: 600.try_into().unwrap() };
    stack.send(&mentor(), extend).await.unwrap();
    let list = ListExams { specialty: None, before: None, limit: None };
    assert_eq!(stack.bus.ask(&student(1), &list).await.unwrap().exams.len(), 1);
    assert_eq!(scheduled.unwrap_err().code, code::EXAM_INVALID_SCHEDULE);
}
