//! What a session is, whatever comes again and however late.

use std::time::Duration;

use futures::future::join_all;
use sinaesta_contracts::exam::{Answer, ExpireSession, JoinExam, SaveProgress, SessionStatus};
use sinaesta_contracts::exam_authoring::{
    Correction, CreateExam, ExamDetails, Key, PublishExam, QuestionSource, ReadExam, RegradeExam, Regraded,
    ReplaceQuestions,
};
use sinaesta_contracts::exam_grading::ListResults;
use sinaesta_contracts::proctoring::{ExtendExam, Intervened, PauseExam, ResumeExam};
use sinaesta_contracts::{Actor, Points, Role, code};
use uuid::Uuid;

use crate::stack::{Stack, answer, mentor, new_exam, student};

const AN_HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_again_undoes_nothing_that_came_after_it() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.join(&putri, exam_id).await;
    let (first, id) = (answer(exam_id, 0, 1), Uuid::now_v7());
    stack.send_as(id, &putri, first.clone()).await.unwrap();
    stack.answer(&putri, exam_id, 0, 2).await;
    stack.store(id, &putri, &first).await;
    // Behind the repeat, in the same order.
    stack.answer(&putri, exam_id, 1, 1).await;
    let joined = stack.join(&putri, exam_id).await;
    assert_eq!(joined.session.answers, [Some(Answer::Number(2.into())), Some(Answer::Number(1.into()))]);
    assert_eq!(stack.record(&putri, exam_id).await.entries.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_tab_that_saves_its_progress_undoes_nothing() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri) = (stack.exam(3).await, student(1));
    stack.join(&putri, exam_id).await;
    stack.answer(&putri, exam_id, 0, 1).await;
    stack.answer(&putri, exam_id, 0, 2).await;
    let stale = [Some(1), None, Some(0)].map(|option: Option<u64>| option.map(|n| Answer::Number(n.into())));
    let progress =
        SaveProgress { exam_id, current_question: 2, time_remaining: Some(999_999.0), answers: stale.into() };
    let saved = stack.send(&putri, progress).await.unwrap();
    assert!(saved.time_remaining <= 30 * 60);
    let session = stack.join(&putri, exam_id).await.session;
    assert_eq!(session.answers, [Some(Answer::Number(2.into())), None, Some(Answer::Number(0.into()))]);
    assert_eq!(session.current_question, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autosave_that_comes_again_is_acknowledged_and_undoes_nothing() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.join(&putri, exam_id).await;
    let save = |options: [u64; 2]| {
        let answers = options.map(|option| Some(Answer::Number(option.into()))).into();
        SaveProgress { exam_id, current_question: 0, time_remaining: None, answers }
    };
    let (id, first) = (Uuid::now_v7(), save([1, 0]));
    stack.send_as(id, &putri, first.clone()).await.unwrap();
    stack.send(&putri, save([2, 0])).await.unwrap();
    stack.store(id, &putri, &first).await;
    let session = stack.join(&putri, exam_id).await.session;
    assert_eq!(session.answers, [Some(Answer::Number(2.into())), Some(Answer::Number(0.into()))]);
    assert_eq!(stack.record(&putri, exam_id).await.entries.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_comes_again_leaves_the_exam_as_it_is() {
    let (stack, _replica) = Stack::start().await;
    let (id, draft) = (Uuid::now_v7(), new_exam(0));
    let made = stack.send_as(id, &mentor(), CreateExam(draft.clone())).await.unwrap();
    let exam_id = made.summary.info.id;
    let source = QuestionSource::Json(new_exam(3).questions);
    stack.send(&mentor(), ReplaceQuestions { exam_id, source }).await.unwrap();
    stack.send(&mentor(), PublishExam { exam_id }).await.unwrap();
    stack.store(id, &mentor(), &CreateExam(draft)).await;
    // Behind the repeat, in the same order.
    stack.send(&mentor(), CreateExam(new_exam(1))).await.unwrap();
    let read: ExamDetails = stack.bus.ask(&mentor(), &ReadExam { exam_id }).await.unwrap();
    assert_eq!(read.summary.info.total_questions, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_questions_before_the_exam_begins() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.schedule(exam_id, AN_HOUR).await;
    assert!(stack.join(&putri, exam_id).await.exam.questions.is_empty());
    stack.send(&mentor(), PauseExam { exam_id, user_id: None }).await.unwrap();
    let paused = stack.join(&putri, exam_id).await;
    assert_eq!(paused.session.status, SessionStatus::Paused);
    assert!(paused.exam.questions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_while_all_get_more_time_gets_it_too() {
    let (stack, _replica) = Stack::start().await;
    let exam_id = stack.exam(1).await;
    stack.schedule(exam_id, AN_HOUR).await;
    let students: Vec<_> = (0..80).map(student).collect();
    let joins = join_all(students.iter().map(|one| stack.join(one, exam_id)));
    let author = mentor();
    let extend = ExtendExam { exam_id, user_id: None, minutes: 1.try_into().unwrap() };
    let extensions = join_all((0..10).map(|_| stack.send(&author, extend.clone())));
    let (_, extended) = tokio::join!(joins, extensions);
    assert!(extended.iter().all(Result::is_ok));
    let read: ExamDetails = stack.bus.ask(&author, &ReadExam { exam_id }).await.unwrap();
    let end = read.summary.info.scheduled_end.unwrap();
    for one in &students {
        assert_eq!(stack.join(one, exam_id).await.session.ends_at, end);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_completes_a_session_there_is_one_result() {
    let (stack, _replica) = Stack::start().await;
    let exam_id = stack.exam(2).await;
    let students: Vec<_> = (0..40).map(student).collect();
    for one in &students {
        stack.join(one, exam_id).await;
        stack.answer(one, exam_id, 0, 1).await;
    }
    stack.end_time(exam_id, 2.0).await;
    // The timer, a timer of another replica and the student twice.
    let all = students.iter().map(async |one| {
        let expire = ExpireSession { exam_id, user_id: one.user_id };
        let system = Actor::system();
        let expired = async { stack.send(&system, expire).await.unwrap() };
        let (one_result, (), other) = tokio::join!(stack.complete(one, exam_id), expired, stack.complete(one, exam_id));
        assert_eq!(one_result.result, other.result);
        assert_eq!(one_result.result.score, Points::ONE);
    });
    join_all(all).await;
    let results = stack.bus.ask(&mentor(), &ListResults { exam_id }).await.unwrap().results;
    assert_eq!(results.len(), students.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_is_over_is_noticed_by_the_service_and_late_answers_are_refused() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri) = (stack.exam(2).await, student(1));
    stack.join(&putri, exam_id).await;
    stack.answer(&putri, exam_id, 0, 1).await;
    stack.end_time(exam_id, 2.0).await;
    let refused = stack.send(&putri, answer(exam_id, 1, 1)).await.unwrap_err();
    assert_eq!(refused.code, code::EXAM_TIME_EXPIRED);
    sinaesta_testkit::until("the session is graded", async || {
        stack.record(&putri, exam_id).await.result.is_some_and(|result| result.score == Points::ONE)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_reaches_everyone_who_is_graded_before_during_and_after_it() {
    let (stack, _replica) = Stack::start().await;
    let exam_id = stack.exam(1).await;
    let students: Vec<_> = (0..60).map(student).collect();
    for one in &students {
        stack.join(one, exam_id).await;
        stack.answer(one, exam_id, 0, 2).await;
    }
    let correction = Correction { question_index: 0, key: Key::SingleChoice { correct: 2 } };
    let (id, regrade) = (Uuid::now_v7(), RegradeExam { exam_id, corrections: vec![correction] });
    let author = mentor();
    let completions = join_all(students.iter().map(|one| stack.complete(one, exam_id)));
    let (regraded, _) = tokio::join!(stack.send_as(id, &author, regrade.clone()), completions);
    let regraded: Regraded = regraded.unwrap();
    assert_eq!(regraded.key_version, 2);
    stack.store(id, &mentor(), &regrade).await;
    let after = stack.send(&mentor(), RegradeExam { exam_id, corrections: vec![] }).await;
    assert_eq!(after.unwrap_err().field.as_deref(), Some("corrections"));
    let results = stack.bus.ask(&mentor(), &ListResults { exam_id }).await.unwrap().results;
    assert_eq!(results.len(), students.len());
    assert!(results.iter().all(|result| result.score == Points::ONE && result.key_version == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_comes_again_is_given_once() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri) = (stack.exam(1).await, student(1));
    let before = stack.join(&putri, exam_id).await.session.ends_at;
    let extend = ExtendExam { exam_id, user_id: None, minutes: 10.try_into().unwrap() };
    let id = Uuid::now_v7();
    let Intervened { sessions } = stack.send_as(id, &mentor(), extend.clone()).await.unwrap();
    assert_eq!(sessions, 1);
    stack.store(id, &mentor(), &extend).await;
    // Behind the repeat, in the same order.
    let refused = stack.send(&putri, extend).await.unwrap_err();
    assert_eq!(refused.code, code::FORBIDDEN);
    let after = stack.join(&putri, exam_id).await.session.ends_at;
    assert_eq!((after.0 - before.0).whole_minutes(), 10);
}

/// The control: without the checks they read the key, give themselves time and correct the key to what they answered.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_promoted_while_they_sit_an_exam_goes_on_as_a_student_in_it() {
    let (stack, _replica) = Stack::start().await;
    let (exam_id, putri, budi) = (stack.exam(2).await, student(1), student(2));
    let ends_at = stack.join(&putri, exam_id).await.session.ends_at;
    stack.join(&budi, exam_id).await;
    let promoted = Actor { role: Role::ProgramAdmin, ..putri.clone() };
    let read = async |who: &Actor| stack.bus.ask(who, &ReadExam { exam_id }).await.unwrap().questions;
    assert!(read(&mentor()).await.is_some() && read(&promoted).await.is_none());
    let own = Some(putri.user_id);
    let extend = |user_id| ExtendExam { exam_id, user_id, minutes: 10.try_into().unwrap() };
    let correct = Correction { question_index: 0, key: Key::SingleChoice { correct: 2 } };
    for refused in [
        stack.send(&promoted, extend(own)).await.map(drop),
        stack.send(&promoted, PauseExam { exam_id, user_id: own }).await.map(drop),
        stack.send(&promoted, ResumeExam { exam_id, user_id: own }).await.map(drop),
        stack.send(&promoted, RegradeExam { exam_id, corrections: vec![correct] }).await.map(drop),
        stack.send(&promoted, PublishExam { exam_id }).await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code, code::FORBIDDEN);
    }
    // What is done to all is done to the others.
    assert_eq!(stack.send(&promoted, extend(None)).await.unwrap().sessions, 1);
    assert_eq!(stack.send(&promoted, extend(Some(budi.user_id))).await.unwrap().sessions, 1);
    assert_eq!(stack.join(&promoted, exam_id).await.session.ends_at, ends_at);
    // What they answer counts as before, and once it is handed in they are as others of their role.
    stack.answer(&promoted, exam_id, 0, 1).await;
    assert_eq!(stack.complete(&promoted, exam_id).await.result.correct_count, 1);
    assert!(read(&promoted).await.is_some());
    let refused = stack.send(&promoted, JoinExam { exam_id }).await.unwrap_err();
    assert_eq!(refused.code, code::EXAM_STUDENTS_ONLY);
}
