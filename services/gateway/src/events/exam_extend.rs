//! `exam-extend`: gives more time.

use sinaesta_contracts::proctoring::ExtendExam;

use super::Call;

pub(crate) async fn handle(call: Call, event: ExtendExam) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
