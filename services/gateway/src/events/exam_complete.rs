//! `exam-complete`: hands the exam in. The result comes to all sockets of the student, this one among them.

use sinaesta_contracts::exam::CompleteExam;

use super::Call;

pub(crate) async fn handle(call: Call, event: CompleteExam) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
