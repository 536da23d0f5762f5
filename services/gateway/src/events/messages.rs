//! Posting messages.

use sinaesta_contracts::chat::SendMessage;
use sinaesta_contracts::study_group::SendGroupMessage;

use super::{Call, typing};

/// `send-message`: posts a message, which ends typing.
pub(super) async fn send(call: Call, event: SendMessage) {
    call.session.set_typing(&event.room_id, false);
    typing::end(&call.session.user, &event.room_id);
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}

/// `study-group-message`: posts into a group's room.
pub(super) async fn send_to_group(call: Call, event: SendGroupMessage) {
    send(call, event.into()).await;
}
