//! `send-message`: posts a message.

use sinaesta_contracts::chat::SendMessage;

use super::{Call, typing};

pub(crate) async fn handle(call: Call, event: SendMessage) {
    call.session.set_typing(&event.room_id, false);
    typing::end(&call.session.user, &event.room_id);
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
