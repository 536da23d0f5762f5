//! `join-exam`: the exam and the student's session as they are, and everything that follows.

use sinaesta_bus::Answer;
use sinaesta_contracts::exam::{ExamEntered, ExamJoined, JoinExam, SessionStatus};
use sinaesta_contracts::{Audience, ErrorBody, ServerEvent as _, code};

use super::Call;
use crate::hub::{Hold, Place};

pub(crate) async fn handle(call: Call, event: JoinExam) {
    let hold = match call.hold(Audience::Exam(event.exam_id)).await {
        Ok(hold) => hold,
        Err(error) => return call.responder.error(error),
    };
    call.command(event.clone(), async move |call: Call, answer: Answer| {
        match enter(&call, event, answer, hold).await {
            Ok(Some(joined)) => {
                call.responder.emit(ExamJoined::NAME, &joined);
                call.responder.ok_with(&joined);
            }
            // The socket went while the exam was asked for.
            Ok(None) => {}
            Err(error) => call.responder.error(error),
        }
    })
    .await;
}

async fn enter(call: &Call, event: JoinExam, answer: Answer, hold: Hold) -> Result<Option<ExamJoined>, ErrorBody> {
    let mut entered = read(answer)?;
    let Some(noted) = call.gateway.participation.arrive(&call.gateway, &call.session, event.exam_id) else {
        return Ok(None);
    };
    hold.enter(call.member(), Place::Anywhere, Box::new(|| {}));
    let participation = noted.count().await?;
    // The exam began between the snapshot and the socket's entering: its beginning was told to those before.
    if participation.has_started && entered.session.status == SessionStatus::Waiting {
        let again = call.gateway.bus.dispatch(call.gateway.bus.new_id(), &call.session.actor, &event).await?;
        entered = read(again.answer(call.gateway.command_timeout()).await)?;
    }
    Ok(Some(ExamJoined { entered, participant_count: participation.participant_count }))
}

fn read(answer: Answer) -> Result<ExamEntered, ErrorBody> {
    serde_json::from_str(answer?.get()).map_err(|error| {
        tracing::error!(%error, "an exam can't be read");
        ErrorBody::new(code::INTERNAL, "Something went wrong on our side")
    })
}
