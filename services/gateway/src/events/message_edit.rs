//! `message-edit`: the room hears of it, the sender too.

use sinaesta_contracts::moderation::EditMessage;

use super::Call;

pub(crate) async fn handle(call: Call, event: EditMessage) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
