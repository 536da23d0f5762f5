//! `leave-room`: hears no more of a room; when the last of a user's sockets here leaves, so does the user.

use sinaesta_bus::Answer;
use sinaesta_contracts::chat::{LeaveRoom, RoomLeft};
use sinaesta_contracts::{ErrorBody, ServerEvent as _, code};

use super::Call;

pub(crate) async fn handle(call: Call, event: LeaveRoom) {
    if !call.session.leave(&event.room_id) {
        let error = ErrorBody::new(code::NOT_IN_ROOM, "You are not in this room").on_field("roomId");
        return call.responder.error(error);
    }
    let user = call.session.actor.user_id;
    let others = call.gateway.hub.leave_room_now(&event.room_id, call.session.sid, user).await;
    let left = RoomLeft { room_id: event.room_id.clone() };
    if others > 0 {
        call.responder.socket().emit(RoomLeft::NAME, &left).ok();
        return call.responder.ok_with(&left);
    }
    call.command(event, async move |call: Call, answer: Answer| {
        if answer.is_ok() {
            call.responder.socket().emit(RoomLeft::NAME, &left).ok();
        }
        call.respond(answer);
    })
    .await;
}
