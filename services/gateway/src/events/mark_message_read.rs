//! `mark-message-read`: everything up to a message is read.

use sinaesta_contracts::chat::MarkMessageRead;

use super::Call;

pub(crate) async fn handle(call: Call, event: MarkMessageRead) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
