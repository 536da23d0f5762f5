//! A command is decided once, however often and however late it comes again.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use sinaesta_clock::Clock;
use sinaesta_contracts::exam::{
    CompleteExam, EnterExam, ExitExam, ExpireSession, JoinExam, LoseParticipants, Participation, SaveProgress,
    StartExam,
};
use sinaesta_contracts::exam_authoring::{
    Correction, CreateExam, ExamDetails, Key, PublishExam, QuestionSource, ReadExam, RegradeExam, ReplaceQuestions,
    Schedule, ScheduleExam,
};
use sinaesta_contracts::proctoring::{ExtendExam, MonitorExam, PauseExam, ResumeExam};
use sinaesta_contracts::retelling::RetellExams;
use sinaesta_contracts::{Actor, Command, ErrorBody, ExamId, GatewayId, Timestamp, UserId, code};
use sinaesta_testkit::until;
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::stack::{Published, Repeated, Stack, answer, mentor, new_exam, progress, student};

/// Without what says how late it is: a copy has a stamp of its own.
fn timeless(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for name in ["server_time", "serverTime", "time_remaining"] {
                    fields.remove(name);
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

/// Sends a command and a copy of it, which must get the same answer, change nothing, and lead to the same publishes.
async fn same<C: Command>(stack: &Stack, who: &Actor, command: C) -> (Value, Vec<Published>) {
    let Repeated { answers, published } = stack.repeat(who, &command).await;
    let [first, again] = answers;
    assert!(first.get("error").is_none(), "{} was refused: {first}", C::NAME);
    assert_eq!(timeless(first.clone()), timeless(again), "{} was answered otherwise when it came again", C::NAME);
    let [told, again] = published;
    let timeless = |all: &[Published]| -> Vec<Published> {
        all.iter().map(|one| Published { payload: timeless(one.payload.clone()), ..one.clone() }).collect()
    };
    assert_eq!(timeless(&told), timeless(&again), "{} told something else when it came again", C::NAME);
    (first, told)
}

fn subjects(published: &[Published]) -> Vec<&str> {
    published.iter().map(|one| one.subject.split('.').take(2).last().unwrap()).collect()
}

fn gateway(number: u128) -> GatewayId {
    GatewayId(Uuid::from_u128(number))
}

fn enter(exam_id: ExamId, number: u128) -> EnterExam {
    EnterExam { exam_id, gateway_id: gateway(number) }
}

fn exit(exam_id: ExamId, number: u128) -> ExitExam {
    ExitExam { exam_id, gateway_id: gateway(number) }
}

async fn quiet() -> (Stack, tokio_util::sync::DropGuard) {
    let stack = Stack::without_replicas(1).await;
    let replica = stack.quiet_replica();
    (stack, replica)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_student_sends_is_decided_once() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(3).await, student(1));
    let (_, told) = same(&stack, &putri, JoinExam { exam_id }).await;
    assert_eq!(subjects(&told), ["proctors", "exam"], "the proctors, and the services that hear of sessions");
    let (_, told) = same(&stack, &putri, answer(exam_id, 0, 1)).await;
    assert_eq!(subjects(&told), ["proctors"]);
    let (saved, told) = same(&stack, &putri, progress(exam_id, &[None, Some(2)])).await;
    assert_eq!(subjects(&told), ["proctors"]);
    assert!(saved["ok"]["timeRemaining"].as_i64().unwrap() > 1_790);
    // One that says nothing new is as much a command as others.
    let idle = SaveProgress { current_question: 2, ..progress(exam_id, &[None, Some(2)]) };
    same(&stack, &putri, idle).await;
    let (completed, told) = same(&stack, &putri, CompleteExam { exam_id }).await;
    assert_eq!(completed["ok"]["reason"], "submitted");
    assert_eq!(subjects(&told), ["user", "exam", "exam", "proctors"]);
    assert_eq!(stack.record(&putri, exam_id).await.entries.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_time_brings_is_decided_once() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(1).await, student(1));
    stack.schedule(exam_id, Duration::from_secs(3_600)).await;
    stack.join(&putri, exam_id).await;
    let system = Actor::system();
    let (_, told) = same(&stack, &system, StartExam { exam_id }).await;
    assert_eq!(told, [], "it is not due");
    let begun = "UPDATE exams SET scheduled_start = scheduled_start - interval '1 hour' WHERE id = $1 RETURNING true";
    assert!(stack.is(begun, exam_id).await);
    let (_, told) = same(&stack, &system, StartExam { exam_id }).await;
    assert_eq!(subjects(&told), ["exam"]);
    let expire = ExpireSession { exam_id, user_id: putri.user_id };
    let (_, told) = same(&stack, &system, expire.clone()).await;
    assert_eq!(told, [], "it is not due");
    stack.end_time(exam_id, 2.0).await;
    let (_, told) = same(&stack, &system, expire.clone()).await;
    assert_eq!(subjects(&told), ["user", "exam", "exam", "proctors"]);
    let (_, told) = same(&stack, &system, expire).await;
    assert_eq!(told, [], "another command has done it");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_is_decided_once() {
    let (stack, _replica) = quiet().await;
    let exam_id = stack.exam(1).await;
    for number in 1..=2 {
        stack.join(&student(number), exam_id).await;
    }
    let (entered, told) = same(&stack, &student(1), enter(exam_id, 1)).await;
    assert_eq!(entered["ok"]["participantCount"], 1);
    assert_eq!(subjects(&told), ["exam", "proctors"]);
    let (_, told) = same(&stack, &student(1), enter(exam_id, 2)).await;
    assert_eq!(subjects(&told), ["proctors"], "a second gateway is no second student");
    same(&stack, &student(2), enter(exam_id, 1)).await;
    let (left, told) = same(&stack, &student(1), exit(exam_id, 1)).await;
    assert_eq!(left["ok"]["participantCount"], 2);
    assert_eq!(subjects(&told), ["proctors"], "the student is there through the other one");
    let (left, told) = same(&stack, &student(1), exit(exam_id, 2)).await;
    assert_eq!(left["ok"]["participantCount"], 1);
    assert_eq!(subjects(&told), ["exam", "proctors"]);
    let lose = LoseParticipants { exam_id, gateway_id: gateway(1) };
    let (_, told) = same(&stack, &Actor::system(), lose.clone()).await;
    assert_eq!(told, [], "by the stamps the gateway was there a moment ago");
    let long_ago =
        "UPDATE exam_participants SET entered_at = entered_at - interval '1 minute' WHERE exam_id = $1 RETURNING true";
    assert!(stack.is(long_ago, exam_id).await);
    let (_, told) = same(&stack, &Actor::system(), lose).await;
    assert_eq!(subjects(&told), ["exam", "proctors"]);
    let snapshot = stack.bus.ask(&mentor(), &MonitorExam { exam_id }).await.unwrap();
    assert_eq!(snapshot.participant_count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_proctors_and_authors_do_is_decided_once() {
    let (stack, _replica) = quiet().await;
    let author = mentor();
    let (made, told) = same(&stack, &author, CreateExam(new_exam(1))).await;
    assert_eq!(told, []);
    let exam_id: ExamId = serde_json::from_value(made["ok"]["id"].clone()).unwrap();
    let source = QuestionSource::Json(new_exam(2).questions);
    same(&stack, &author, ReplaceQuestions { exam_id, source }).await;
    same(&stack, &author, PublishExam { exam_id }).await;
    let scheduled_start = Timestamp(Clock::system().now() + Duration::from_secs(3_600));
    let schedule = Schedule { scheduled_start, scheduled_end: None };
    let (_, told) = same(&stack, &author, ScheduleExam { exam_id, schedule }).await;
    assert_eq!(subjects(&told), ["exam"]);
    let students: Vec<_> = (1..=5).map(student).collect();
    for one in &students {
        stack.join(one, exam_id).await;
    }
    let begun = "UPDATE exams SET scheduled_start = scheduled_start - interval '1 hour' WHERE id = $1 RETURNING true";
    assert!(stack.is(begun, exam_id).await);
    let begun =
        "UPDATE exam_sessions SET started_at = started_at - interval '1 hour' WHERE exam_id = $1 RETURNING true";
    assert!(stack.is(begun, exam_id).await);
    let extend = ExtendExam { exam_id, user_id: None, minutes: 10.try_into().unwrap() };
    let (extended, told) = same(&stack, &author, extend).await;
    assert_eq!(extended["ok"]["sessions"], 5);
    assert_eq!(subjects(&told), ["user", "user", "user", "user", "user", "proctors"]);
    let (_, told) = same(&stack, &author, PauseExam { exam_id, user_id: None }).await;
    assert_eq!(subjects(&told).len(), 6);
    let (_, told) = same(&stack, &author, ResumeExam { exam_id, user_id: Some(students[2].user_id) }).await;
    assert_eq!(subjects(&told), ["user", "proctors"]);
    let (resumed, _) = same(&stack, &author, ResumeExam { exam_id, user_id: None }).await;
    assert_eq!(resumed["ok"]["sessions"], 4, "one runs already");
    for one in &students {
        stack.answer(one, exam_id, 0, 2).await;
        stack.complete(one, exam_id).await;
    }
    let correction = Correction { question_index: 0, key: Key::SingleChoice { correct: 2 } };
    let (regraded, told) = same(&stack, &author, RegradeExam { exam_id, corrections: vec![correction] }).await;
    assert_eq!(regraded["ok"]["changed"].as_array().unwrap().len(), 5);
    assert_eq!(subjects(&told).len(), 11);
    let retell = RetellExams { since: Timestamp(OffsetDateTime::UNIX_EPOCH), after: None };
    let (retold, told) = same(&stack, &Actor::system(), retell).await;
    assert_eq!((&retold["ok"]["count"], told.len()), (&json!(5), 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_again_of_exams_and_sessions_has_the_same_ids() {
    let (stack, _replica) = quiet().await;
    for _ in 0..8 {
        let exam_id = stack.exam(1).await;
        stack.schedule(exam_id, Duration::from_secs(3_600)).await;
        stack.join(&student(1), exam_id).await;
    }
    let retell = RetellExams { since: Timestamp(OffsetDateTime::UNIX_EPOCH), after: None };
    let Repeated { answers, published } = stack.repeat(&Actor::system(), &retell).await;
    assert_eq!(answers[0], answers[1]);
    // When it was told stands in them; what of, in their ids.
    let told =
        published.map(|all| all.into_iter().map(|one| (one.id, one.payload["examId"].clone())).collect::<Vec<_>>());
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intervention_is_answered_again_however_the_session_went_on() {
    let (stack, _replica) = quiet().await;
    let (exam_id, author) = (stack.exam(1).await, mentor());
    let (putri, budi) = (student(1), student(2));
    stack.join(&putri, exam_id).await;
    stack.join(&budi, exam_id).await;
    let id = Uuid::now_v7();
    let pause = PauseExam { exam_id, user_id: Some(putri.user_id) };
    let first = stack.copy(id, &author, &pause).await;
    stack.send(&author, ResumeExam { exam_id, user_id: None }).await.unwrap();
    stack.settled().await;
    let state = stack.state().await;
    assert_eq!(stack.copy(id, &author, &pause).await, first);
    stack.settled().await;
    assert_eq!(stack.state().await, state);
    let told = stack.published(&format!("deliver.user.{}", putri.user_id)).await;
    assert!(told.last().unwrap().get("endsAt").is_some(), "it runs, and nothing else is said of it: {told:?}");
    stack.complete(&putri, exam_id).await;
    assert_eq!(stack.copy(id, &author, &pause).await, first);
}

/// Stores copies of a command behind another one with the same key that waits for a row, so that all are in one batch.
async fn behind<B: Command, C: Command>(
    stack: &Stack,
    held: Transaction<'static, Postgres>,
    (before, blocker): (&Actor, B),
    (who, command): (&Actor, &C),
) -> Uuid {
    assert_eq!(blocker.partition_key(before), command.partition_key(who));
    let id = Uuid::now_v7();
    let copies = async {
        stack.waiting(1).await;
        for _ in 0..3 {
            stack.store(id, who, command).await;
        }
        held.rollback().await.unwrap();
    };
    tokio::join!(stack.copy(Uuid::now_v7(), before, &blocker), copies);
    stack.settled().await;
    assert_eq!(stack.dead_letters().await, 0);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_stands_twice_in_one_batch_is_applied_once() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(3).await, student(1));
    stack.join(&putri, exam_id).await;
    let busy = || (&putri, answer(exam_id, 0, 0));
    let command = answer(exam_id, 1, 1);
    let id = behind(&stack, stack.hold(exam_id, &putri).await, busy(), (&putri, &command)).await;
    let entries = stack.record(&putri, exam_id).await.entries;
    assert_eq!(entries.len(), 2);
    let again = stack.copy(id, &putri, &command).await;
    assert_eq!(again["ok"]["timestamp"], json!(entries[1].given_at), "the first stamp counts");
    let command = progress(exam_id, &[None, None, Some(2)]);
    behind(&stack, stack.hold(exam_id, &putri).await, busy(), (&putri, &command)).await;
    assert_eq!(stack.record(&putri, exam_id).await.entries.len(), 4);
    behind(&stack, stack.hold(exam_id, &putri).await, busy(), (&putri, &CompleteExam { exam_id })).await;
    assert_eq!(stack.kept(&format!("deliver.user.{}", putri.user_id)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_joins_that_stand_twice_in_one_batch_begin_one_session() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(1).await, student(1));
    // It is refused in the end: there is no session yet.
    let early = (&putri, CompleteExam { exam_id });
    let id = behind(&stack, stack.hold_exam(exam_id).await, early, (&putri, &JoinExam { exam_id })).await;
    let begun = stack.kept("event.exam.sessions-begun-v1").await;
    assert_eq!(begun.iter().map(|event| event["sessions"].as_array().unwrap().len()).sum::<usize>(), 1);
    assert_eq!(stack.join(&putri, exam_id).await.session.id.0, id);
    let author = mentor();
    let pause = || (&author, PauseExam { exam_id, user_id: None });
    behind(&stack, stack.hold_exam(exam_id).await, pause(), (&putri, &enter(exam_id, 1))).await;
    assert_eq!(stack.kept(&format!("deliver.exam.{exam_id}")).await.len(), 1);
    behind(&stack, stack.hold_exam(exam_id).await, pause(), (&putri, &exit(exam_id, 1))).await;
    let snapshot = stack.bus.ask(&author, &MonitorExam { exam_id }).await.unwrap();
    assert_eq!(snapshot.participant_count, 0);
    let extend = ExtendExam { exam_id, user_id: None, minutes: 1.try_into().unwrap() };
    behind(&stack, stack.hold_exam(exam_id).await, pause(), (&author, &extend)).await;
    let session = stack.join(&putri, exam_id).await.session;
    assert_eq!((session.ends_at.0 - session.started_at.0).whole_minutes(), 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn autosaves_that_are_open_while_the_broker_restarts_are_applied_once() {
    const OPEN: u64 = 30;
    let mut stack = Stack::without_replicas(1).await;
    let _replicas = [stack.quiet_replica(), stack.quiet_replica()];
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.join(&putri, exam_id).await;
    let held = stack.hold(exam_id, &putri).await;
    let sent: Vec<_> = join_all((0..OPEN).map(async |n| {
        let command = progress(exam_id, &[Some(n % 3)]);
        stack.bus.dispatch(Uuid::now_v7(), &putri, &command).await.unwrap()
    }))
    .await;
    let answers = join_all(sent.into_iter().map(|one| tokio::spawn(one.answer(Duration::from_secs(20)))));
    until("all are stored", async || stack.queued().await == OPEN).await;
    stack.waiting(1).await;
    stack.nats.kill_and_restart().await.unwrap();
    until("all are sent again", async || stack.queued().await >= 2 * OPEN).await;
    held.rollback().await.unwrap();
    for answer in answers.await {
        assert!(answer.unwrap().is_ok());
    }
    stack.settled().await;
    let entries = stack.record(&putri, exam_id).await.entries;
    let given: Vec<_> = entries.iter().map(|entry| json!(entry.answer)).collect();
    assert_eq!(given, (0..OPEN).map(|n| json!(n % 3)).collect::<Vec<_>>());
    assert_eq!(stack.dead_letters().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autosave_is_known_again_however_many_came_after_it() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.join(&putri, exam_id).await;
    stack.send(&putri, progress(exam_id, &[Some(0)])).await.unwrap();
    // It says nothing new, so nothing in the record speaks of it.
    let (id, idle) = (Uuid::now_v7(), progress(exam_id, &[Some(0)]));
    let first = stack.copy(id, &putri, &idle).await;
    for n in 1..=40 {
        stack.send(&putri, progress(exam_id, &[Some(n % 2 + 1)])).await.unwrap();
    }
    stack.settled().await;
    let state = stack.state().await;
    assert_eq!(stack.copy(id, &putri, &idle).await, first);
    stack.settled().await;
    assert_eq!(stack.state().await, state);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_used_for_two_commands_holds_nobody_up() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri, budi) = (stack.exam(2).await, student(1), student(2));
    stack.join(&putri, exam_id).await;
    stack.join(&budi, exam_id).await;
    let id = Uuid::now_v7();
    stack.send_as(id, &putri, answer(exam_id, 0, 1)).await.unwrap();
    let extend = ExtendExam { exam_id, user_id: None, minutes: 1.try_into().unwrap() };
    stack.copy(id, &mentor(), &extend).await;
    let broken = [
        stack.copy(id, &putri, &progress(exam_id, &[Some(2)])).await,
        stack.copy(id, &budi, &answer(exam_id, 0, 1)).await,
        stack.copy(id, &mentor(), &PauseExam { exam_id, user_id: None }).await,
        stack.copy(id, &mentor(), &RegradeExam { exam_id, corrections: vec![] }).await,
    ];
    for answer in broken {
        assert_eq!(answer["error"]["code"], code::INTERNAL);
    }
    stack.answer(&budi, exam_id, 1, 1).await;
    stack.answer(&putri, exam_id, 1, 1).await;
    stack.settled().await;
    assert_eq!(stack.dead_letters().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_news_of_coming_and_going_changes_nothing() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(1).await, student(1));
    stack.join(&putri, exam_id).await;
    let ids: Vec<_> = (0..4).map(|_| Uuid::now_v7()).collect();
    let commands = || async {
        let mut counts = Vec::new();
        for (n, id) in ids.iter().enumerate() {
            let told: Result<Participation, ErrorBody> = match n % 2 {
                0 => Ok(count(stack.copy(*id, &putri, &enter(exam_id, 1)).await)),
                _ => Ok(count(stack.copy(*id, &putri, &exit(exam_id, 1)).await)),
            };
            counts.push(told.unwrap().participant_count);
        }
        counts
    };
    assert_eq!(commands().await, [1, 0, 1, 0]);
    // All of them once more, as a gateway sends them that waited for their answers; and in any order.
    assert_eq!(commands().await, [0, 0, 0, 0]);
    stack.send(&putri, enter(exam_id, 1)).await.unwrap();
    assert_eq!(commands().await, [1, 1, 1, 1]);
}

fn count(answer: Value) -> Participation {
    serde_json::from_value(answer["ok"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authors_command_that_comes_again_does_not_undo_a_later_one() {
    let (stack, _replica) = quiet().await;
    let author = mentor();
    let made: ExamDetails = stack.send(&author, CreateExam(new_exam(1))).await.unwrap();
    let exam_id = made.summary.info.id;
    let questions = |n| ReplaceQuestions { exam_id, source: QuestionSource::Json(new_exam(n).questions) };
    let first = Uuid::now_v7();
    stack.send_as(first, &author, questions(2)).await.unwrap();
    stack.send(&author, questions(3)).await.unwrap();
    let again = stack.copy(first, &author, &questions(2)).await;
    assert_eq!(again["ok"]["total_questions"], 3);
    stack.send(&author, PublishExam { exam_id }).await.unwrap();
    let again = stack.copy(first, &author, &questions(2)).await;
    assert_eq!(again["ok"]["total_questions"], 3, "it was done before the exam was published");
    let in_hours = |n: i64| {
        let begins = OffsetDateTime::from_unix_timestamp(Clock::system().now().unix_timestamp() + n * 3_600).unwrap();
        ScheduleExam { exam_id, schedule: Schedule { scheduled_start: Timestamp(begins), scheduled_end: None } }
    };
    let (first, moved) = (Uuid::now_v7(), in_hours(2));
    let one_hour = in_hours(1);
    stack.send_as(first, &author, one_hour.clone()).await.unwrap();
    stack.send(&author, moved.clone()).await.unwrap();
    stack.copy(first, &author, &one_hour).await;
    let read: ExamDetails = stack.bus.ask(&author, &ReadExam { exam_id }).await.unwrap();
    assert_eq!(read.summary.info.scheduled_start, Some(moved.schedule.scheduled_start));
    stack.settled().await;
    let told = stack.published("event.exam.scheduled-v1").await;
    let last = told.iter().max_by_key(|event| event["decidedAt"].as_str().unwrap().to_owned()).unwrap();
    assert_eq!(last["scheduledStart"], json!(moved.schedule.scheduled_start));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_with_nothing_to_repeat_is_refused_as_before() {
    let (stack, _replica) = quiet().await;
    let (exam_id, putri) = (stack.exam(1).await, student(1));
    let id = Uuid::now_v7();
    let refused = stack.copy(id, &putri, &answer(exam_id, 0, 1)).await;
    assert_eq!(refused["error"]["code"], code::EXAM_NOT_JOINED);
    let nobody = ExtendExam { exam_id, user_id: Some(UserId(Uuid::nil())), minutes: 1.try_into().unwrap() };
    let refused = stack.send(&mentor(), nobody).await.unwrap_err();
    assert_eq!(refused.code, code::EXAM_NO_SESSION);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_given_up_and_goes_on_applies_nothing_twice() {
    let stack = Stack::without_replicas(12).await;
    let first = stack.quiet_replica();
    let (exam_id, putri, budi, author) = (stack.exam(1).await, student(1), student(2), mentor());
    let ends_at = stack.join(&putri, exam_id).await.session.ends_at;
    let held = stack.hold_exam(exam_id).await;
    let id = Uuid::now_v7();
    let join = stack.send_as(id, &budi, JoinExam { exam_id });
    let extend = ExtendExam { exam_id, user_id: Some(putri.user_id), minutes: 1.try_into().unwrap() };
    let extend = stack.send(&author, extend);
    let race = async {
        stack.waiting(2).await;
        // The next owner of both partitions has the same commands, while these two transactions go on.
        let second = stack.quiet_replica();
        drop(first);
        // It runs them one at a time, since the first may have ended of one of them.
        stack.waiting(3).await;
        held.rollback().await.unwrap();
        second
    };
    let (joined, extended, _second) = tokio::join!(join, extend, race);
    assert_eq!(joined.unwrap().session.id.0, id);
    assert_eq!(extended.unwrap().sessions, 1);
    stack.settled().await;
    let after = stack.join(&putri, exam_id).await.session.ends_at;
    assert_eq!((after.0 - ends_at.0).whole_seconds(), 60);
    assert_eq!(stack.dead_letters().await, 0);
}
