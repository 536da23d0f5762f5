//! `leave-room`: hears no more of a room; when the last of a user's sockets here leaves, so does the user.

use std::sync::Arc;
use std::time::Duration;

use sinaesta_bus::Answer;
use sinaesta_contracts::chat::{ExitRoom, LeaveRoom, RoomLeft};
use sinaesta_contracts::{Audience, ErrorBody, RoomId, ServerEvent as _, code};

use super::Call;
use crate::Gateway;
use crate::sockets::session::Session;

/// How long chat may take to note that somebody is away.
const NOTED: Duration = Duration::from_secs(60);

pub(crate) async fn handle(call: Call, event: LeaveRoom) {
    if !call.session.leave(&event.room_id) {
        let error = ErrorBody::new(code::NOT_IN_ROOM, "You are not in this room").on_field("roomId");
        return call.responder.error(error);
    }
    call.gateway.hub.leave(&Audience::Room(event.room_id.clone()), call.session.sid);
    let left = RoomLeft { room_id: event.room_id.clone() };
    if call.session.user.is_in(&event.room_id) {
        call.responder.emit(RoomLeft::NAME, &left);
        return call.responder.ok_with(&left);
    }
    call.command(event, async move |call: Call, answer: Answer| {
        if answer.is_ok() {
            call.responder.emit(RoomLeft::NAME, &left);
        }
        call.respond(answer);
    })
    .await;
}

/// A socket is gone while others of its user may still be here: if none of them is in the room or about to enter it, the
/// user is away from it.
pub(crate) fn gone(gateway: &Arc<Gateway>, session: &Arc<Session>, room_id: RoomId) {
    let (this, session) = (Arc::clone(gateway), Arc::clone(session));
    let queue = session.user.queue.clone();
    queue.push_always(async move {
        if session.user.is_in(&room_id) || session.user.is_joining(&room_id) {
            return;
        }
        let exit = ExitRoom { room_id, gateway_id: this.bus.id() };
        match this.bus.dispatch(this.bus.new_id(), &session.actor, &exit).await {
            Ok(sent) => drop(tokio::spawn(sent.answer(NOTED))),
            Err(error) => tracing::warn!(error = %error.message, "who is in a room is not up to date"),
        }
    });
}
