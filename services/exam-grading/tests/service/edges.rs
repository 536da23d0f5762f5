//! What was stamped before something and is applied after it, and the other way round.

use sinaesta_contracts::exam::{Answer, ExpireSession};
use sinaesta_contracts::exam_grading::CompletionReason;
use sinaesta_contracts::proctoring::{ExtendExam, PauseExam, ResumeExam};
use sinaesta_contracts::{Actor, ExamId, code};
use sinaesta_testkit::until;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::stack::{Stack, answer, mentor, student, students_beside};

/// How many rounds a worker runs side by side while they take long.
const SIDE_BY_SIDE: usize = 4;

/// Keeps the partition of a student's session from going on, while others do.
async fn stall(stack: &Stack, exam_id: ExamId, who: &Actor) -> Transaction<'static, Postgres> {
    let others: Vec<_> = students_beside(who, exam_id).take(SIDE_BY_SIDE).collect();
    for other in &others {
        stack.join(other, exam_id).await;
    }
    let held = stack.hold_all(exam_id, &others).await;
    for (already, other) in (1..).zip(&others) {
        stack.store(Uuid::now_v7(), other, &answer(exam_id, 0, 0)).await;
        stack.waiting(already).await;
    }
    held
}

/// An exam whose own commands are in another partition than its student's session.
async fn apart(stack: &Stack) -> (ExamId, Actor) {
    let exam_id = stack.exam(3).await;
    let key = |who: &Actor| sinaesta_contracts::Partition::of(&format!("{exam_id}:{}", who.user_id));
    let of_exam = sinaesta_contracts::Partition::of(&exam_id.to_string());
    let putri = (1..).map(student).find(|who| key(who) != of_exam).unwrap();
    stack.join(&putri, exam_id).await;
    (exam_id, putri)
}

fn given(answer: Option<u64>) -> Option<Answer> {
    answer.map(|n| Answer::Number(n.into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stamped_before_the_end_counts_however_late_it_is_taken() {
    let stack = Stack::without_replicas(12).await;
    let _replica = stack.quiet_replica();
    let (exam_id, putri) = apart(&stack).await;
    stack.answer(&putri, exam_id, 0, 0).await;
    let held = stall(&stack, exam_id, &putri).await;
    // In the grace; only Putri's, the others' rows are held.
    let ends = "UPDATE exam_sessions SET ends_at = now() WHERE exam_id = $1 AND user_id = $2";
    sqlx::query(ends).bind(exam_id.0).bind(putri.user_id.0).execute(&stack.database.pool).await.unwrap();
    stack.store(Uuid::now_v7(), &putri, &answer(exam_id, 0, 1)).await;
    let past = "SELECT bool_or(now() > ends_at + interval '2 s') FROM exam_sessions WHERE exam_id = $1";
    until("the grace is over", async || stack.is(past, exam_id).await).await;
    let late = stack.send(&putri, answer(exam_id, 0, 2));
    let system = Actor::system();
    let expire = stack.send(&system, ExpireSession { exam_id, user_id: putri.user_id });
    let release = async {
        until("they wait", async || stack.queued().await as usize >= SIDE_BY_SIDE + 3).await;
        held.rollback().await.unwrap();
    };
    let (late, expired, ()) = tokio::join!(late, expire, release);
    assert_eq!(late.unwrap_err().code, code::EXAM_TIME_EXPIRED);
    expired.unwrap();
    let completed = stack.complete(&putri, exam_id).await;
    assert_eq!((completed.reason, completed.result.correct_count), (CompletionReason::TimeExpired, 1));
    assert_eq!(completed.result.answers[0], given(Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stamped_before_a_pause_counts_and_what_was_stamped_in_it_never_does() {
    let stack = Stack::without_replicas(12).await;
    let _replica = stack.quiet_replica();
    let (exam_id, putri) = apart(&stack).await;
    let held = stall(&stack, exam_id, &putri).await;
    let before = Uuid::now_v7();
    stack.store(before, &putri, &answer(exam_id, 0, 1)).await;
    let user_id = Some(putri.user_id);
    stack.send(&mentor(), PauseExam { exam_id, user_id }).await.unwrap();
    let during = Uuid::now_v7();
    stack.store(during, &putri, &answer(exam_id, 1, 1)).await;
    stack.send(&mentor(), ResumeExam { exam_id, user_id }).await.unwrap();
    let after = Uuid::now_v7();
    stack.store(after, &putri, &answer(exam_id, 2, 1)).await;
    held.rollback().await.unwrap();
    stack.settled().await;
    let entries = stack.record(&putri, exam_id).await.entries;
    let given: Vec<_> = entries.iter().map(|entry| entry.question_index).collect();
    assert_eq!(given, [0, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_is_over_takes_nothing_from_the_time() {
    let stack = Stack::without_replicas(12).await;
    let _replica = stack.quiet_replica();
    let (exam_id, putri) = apart(&stack).await;
    stack.send(&mentor(), PauseExam { exam_id, user_id: None }).await.unwrap();
    let refused = stack.send(&putri, answer(exam_id, 0, 1)).await.unwrap_err();
    assert_eq!(refused.code, code::EXAM_PAUSED);
    stack.send(&mentor(), ResumeExam { exam_id, user_id: None }).await.unwrap();
    stack.answer(&putri, exam_id, 0, 1).await;
    let session = stack.join(&putri, exam_id).await.session;
    assert!((1_790..=1_800).contains(&session.time_remaining));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_moves_the_end_for_all_that_is_taken_after_it() {
    let stack = Stack::without_replicas(12).await;
    let _replica = stack.quiet_replica();
    let (exam_id, putri) = apart(&stack).await;
    stack.end_time(exam_id, 3.0).await;
    let refused = stack.send(&putri, answer(exam_id, 0, 1)).await.unwrap_err();
    assert_eq!(refused.code, code::EXAM_TIME_EXPIRED);
    let held = stall(&stack, exam_id, &putri).await;
    // Both wait: an expiry that was due, and an answer that would be late.
    stack.store(Uuid::now_v7(), &Actor::system(), &ExpireSession { exam_id, user_id: putri.user_id }).await;
    stack.store(Uuid::now_v7(), &putri, &answer(exam_id, 0, 1)).await;
    let extend = ExtendExam { exam_id, user_id: Some(putri.user_id), minutes: 1.try_into().unwrap() };
    stack.send(&mentor(), extend).await.unwrap();
    held.rollback().await.unwrap();
    stack.settled().await;
    assert_eq!(stack.record(&putri, exam_id).await.entries.len(), 1);
    let session = stack.join(&putri, exam_id).await.session;
    assert!((45..=57).contains(&session.time_remaining), "{} s", session.time_remaining);
    // What is paused after its time is over is left to its clock.
    stack.end_time(exam_id, 0.0).await;
    let paused = stack.send(&mentor(), PauseExam { exam_id, user_id: Some(putri.user_id) }).await.unwrap();
    assert_eq!(paused.sessions, 0);
}
