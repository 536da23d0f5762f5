//! Joining, leaving and proctoring exams.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write};

use sinaesta_bus::Answer;
use sinaesta_contracts::exam::{ExamEntered, ExamJoined, ExamLeft, JoinExam, LeaveExam, Question, SessionStatus};
use sinaesta_contracts::proctoring::{ExamMonitorSnapshot, MonitorExam};
use sinaesta_contracts::{Audience, ErrorBody, ServerEvent as _, code};

use super::Call;
use crate::hub::{JoinState, PendingJoin};

/// `join-exam`: replies with the exam and the student's session, and subscribes the socket to the exam.
pub(super) async fn join(call: Call, event: JoinExam) {
    // One after another: the whole paper is on its way with each.
    let turn = match call.session.user.open_exam_join(call.arrived).await {
        Ok(turn) => turn,
        Err(error) => return call.responder.error(error),
    };
    let join = match call.begin_join(Audience::Exam(event.exam_id)).await {
        Ok(join) => join,
        Err(error) => return call.responder.error(error),
    };
    call.command(event.clone(), async move |call: Call, answer: Answer| {
        match enter(&call, event, answer, join).await {
            Ok(Some(joined)) => greet(call, joined),
            // The socket went while the exam was asked for.
            Ok(None) => {}
            Err(error) => call.responder.error(error),
        }
        drop(turn);
    })
    .await;
}

/// The event has the whole paper; of the acknowledgement only the first one on this socket of each paper.
fn greet(call: Call, mut joined: ExamJoined) {
    let exam_id = joined.entered.exam_id;
    let whole = match serde_json::value::to_raw_value(&joined) {
        Ok(whole) => whole,
        Err(error) => return tracing::error!(%error, %exam_id, "an exam can't be written"),
    };
    call.responder.emit(ExamJoined::NAME, &whole);
    let questions = std::mem::take(&mut joined.entered.exam.questions);
    if questions.is_empty() || !call.session.has_paper(exam_id, hash(&questions)) {
        return call.responder.ok(&whole);
    }
    joined.questions_unchanged = true;
    call.responder.ok_with(&joined);
}

/// What tells one paper from another.
fn hash(questions: &[Question]) -> u64 {
    struct Hashed(DefaultHasher);
    impl Write for Hashed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hashed = Hashed(DefaultHasher::new());
    // Nothing that was read can't be written.
    serde_json::to_writer(&mut hashed, questions).ok();
    hashed.0.finish()
}

async fn enter(
    call: &Call,
    event: JoinExam,
    answer: Answer,
    join: PendingJoin,
) -> Result<Option<ExamJoined>, ErrorBody> {
    let mut entered = read_entered(answer)?;
    let Some(noted) = call.gateway.participation.arrive(&call.gateway, &call.session, event.exam_id) else {
        return Ok(None);
    };
    join.complete(call.member(), JoinState::Plain, || {});
    let participation = noted.count().await?;
    // The exam began between the snapshot and the socket's entering: its beginning was told to those before.
    if participation.has_started && entered.session.status == SessionStatus::Waiting {
        let again = call.gateway.bus.dispatch(call.gateway.bus.new_id(), &call.session.actor, &event).await?;
        entered = read_entered(again.answer(call.gateway.command_timeout()).await)?;
    }
    let participant_count = participation.participant_count;
    Ok(Some(ExamJoined { entered, participant_count, questions_unchanged: false }))
}

fn read_entered(answer: Answer) -> Result<ExamEntered, ErrorBody> {
    serde_json::from_str(answer?.get()).map_err(|error| {
        tracing::error!(%error, "an exam can't be read");
        ErrorBody::new(code::INTERNAL, "Something went wrong on our side")
    })
}

/// `leave-exam`: unsubscribes the socket from an exam, as participant or proctor; the session goes on.
pub(super) async fn leave(call: Call, LeaveExam { exam_id }: LeaveExam) {
    if !call.session.leave_exam(exam_id) {
        let error = ErrorBody::new(code::EXAM_NOT_JOINED, "You are not in this exam").on_field("examId");
        return call.responder.error(error);
    }
    for audience in [Audience::Exam(exam_id), Audience::Proctors(exam_id)] {
        call.gateway.hub.leave(&audience, call.session.sid);
    }
    let noted = call.gateway.participation.depart(&call.gateway, &call.session, exam_id);
    let tasks = call.gateway.tasks.clone();
    tasks.spawn(async move {
        let noted = match noted {
            Some(noted) => noted.count().await.map(drop),
            None => Ok(()),
        };
        match noted {
            Ok(()) => {
                let left = ExamLeft { exam_id };
                call.responder.emit(ExamLeft::NAME, &left);
                call.responder.ok_with(&left);
            }
            Err(error) => call.responder.error(error),
        }
    });
}

/// `exam-monitor`: replies with all participants, and subscribes the socket to what they do.
pub(super) async fn monitor(call: Call, event: MonitorExam) {
    // Subscribed to before it is asked for, so that nothing falls between the reply and the deliveries.
    let join = match call.begin_join(Audience::Proctors(event.exam_id)).await {
        Ok(join) => join,
        Err(error) => return call.responder.error(error),
    };
    let tasks = call.gateway.tasks.clone();
    tasks.spawn(async move {
        match call.asked(&event).await {
            Ok(snapshot) => {
                if call.session.enter_exam(event.exam_id).is_none() {
                    return;
                }
                let member = call.member();
                let greet = move || {
                    call.responder.emit(ExamMonitorSnapshot::NAME, &*snapshot);
                    call.responder.ok(&snapshot);
                };
                join.complete(member, JoinState::Plain, greet);
            }
            Err(error) => call.responder.error(error),
        }
    });
}
