//! `exam-monitor`: everyone in an exam, and from then on whatever they do.

use sinaesta_contracts::proctoring::{ExamMonitorSnapshot, MonitorExam};
use sinaesta_contracts::{Audience, ServerEvent as _};

use super::Call;
use crate::hub::Place;

pub(crate) async fn handle(call: Call, event: MonitorExam) {
    // The exam is watched before it is asked for, so that nothing falls between the answer and what follows it.
    let hold = match call.hold(Audience::Proctors(event.exam_id)).await {
        Ok(hold) => hold,
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
                hold.enter(member, Place::Anywhere, Box::new(greet));
            }
            Err(error) => call.responder.error(error),
        }
    });
}
