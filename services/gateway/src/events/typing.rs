//! `typing-indicator`: who is typing.

use std::sync::Arc;

use sinaesta_contracts::chat::SetTyping;
use sinaesta_contracts::{Actor, ErrorBody, RoomId, code};

use super::Call;
use crate::Gateway;

pub(crate) async fn handle(call: Call, event: SetTyping) {
    if !call.session.is_in(&event.room_id) {
        let error = ErrorBody::new(code::NOT_IN_ROOM, "Join the room first").on_field("roomId");
        return call.responder.error(error);
    }
    call.session.set_typing(&event.room_id, event.is_typing);
    // Awaited in the lane, so that stopping does not overtake having begun.
    let answer = call.gateway.bus.ask_raw(&call.session.actor, &event).await;
    call.respond(answer);
}

/// Somebody who was typing is gone.
pub(crate) fn stop(gateway: &Arc<Gateway>, actor: &Actor, room_id: RoomId) {
    let (this, actor) = (Arc::clone(gateway), actor.clone());
    gateway.lanes.push_always(actor.user_id, async move {
        let stopped = SetTyping { room_id, is_typing: false };
        if let Err(error) = this.bus.ask(&actor, &stopped).await {
            tracing::debug!(error = %error.message, "typing ends by itself");
        }
    });
}
