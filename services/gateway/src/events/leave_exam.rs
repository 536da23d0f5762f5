//! `leave-exam`: goes out of an exam, whose session goes on; or watches it no more.

use sinaesta_contracts::exam::{ExamLeft, LeaveExam};
use sinaesta_contracts::{Audience, ErrorBody, ServerEvent as _, code};

use super::Call;

pub(crate) async fn handle(call: Call, LeaveExam { exam_id }: LeaveExam) {
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
