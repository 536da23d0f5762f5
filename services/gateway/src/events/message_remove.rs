//! `message-remove`: the room hears of it, the sender too.

use sinaesta_contracts::moderation::RemoveMessage;

use super::Call;

pub(crate) async fn handle(call: Call, event: RemoveMessage) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
