//! `exam-resume`: lets the time run again.

use sinaesta_contracts::proctoring::ResumeExam;

use super::Call;

pub(crate) async fn handle(call: Call, event: ResumeExam) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
