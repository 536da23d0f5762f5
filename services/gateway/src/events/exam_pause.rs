//! `exam-pause`: stops the time.

use sinaesta_contracts::proctoring::PauseExam;

use super::Call;

pub(crate) async fn handle(call: Call, event: PauseExam) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
