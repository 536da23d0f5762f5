//! Joining and leaving rooms.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::chat::{ExitRoom, JoinRoom, LeaveRoom, RoomJoined, RoomLeft, TypingUser};
use sinaesta_contracts::{Audience, ErrorBody, RoomId, ServerEvent as _, code};

use super::Call;
use crate::Gateway;
use crate::hub::JoinState;
use crate::sockets::session::Session;

/// How long chat may take to note that somebody is away.
const NOTED: Duration = Duration::from_secs(60);

/// `join-room`: replies with the room's snapshot and subscribes the socket to it.
pub(super) async fn join(call: Call, event: JoinRoom) {
    let greet = |call: Call, reply: &RawValue| {
        call.responder.emit(RoomJoined::NAME, reply);
        call.responder.ok(reply);
    };
    enter(call, event, greet).await;
}

/// Enters a room; `greet` hands over what the socket begins with, right before anything that follows.
pub(super) async fn enter(call: Call, event: JoinRoom, greet: impl FnOnce(Call, &RawValue) + Send + 'static) {
    // Subscribed to before the snapshot is asked for, so that nothing falls between it and the deliveries.
    let pending = match call.begin_join(Audience::Room(event.room_id.clone())).await {
        Ok(pending) => pending,
        Err(error) => return call.responder.error(error),
    };
    let room = event.room_id.clone();
    let joining = call.session.user.join(room.clone());
    call.command(event, async move |mut call: Call, answer: Answer| {
        call.permit = None;
        let entered = answer.and_then(|reply| {
            let snapshot = Snapshot::read(&reply)?;
            Ok((reply, snapshot))
        });
        match entered {
            Ok((reply, Snapshot { last_seq, typing })) if call.session.enter(&room) => {
                let member = call.member();
                pending.complete(member, JoinState::Room { last_seq, typing }, move || greet(call, &reply));
            }
            // The socket went while the room was asked for: chat is told that nobody came.
            Ok(_) => {
                drop(joining);
                exit_if_last(&call.gateway, &call.session, room);
            }
            Err(error) => call.responder.error(error),
        }
    })
    .await;
}

/// Up to where a snapshot goes, and who types in it: the rest of it is passed on unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    last_seq: i64,
    typing: Vec<TypingUser>,
}

impl Snapshot {
    fn read(reply: &RawValue) -> Result<Self, ErrorBody> {
        serde_json::from_str(reply.get()).map_err(|error| {
            tracing::error!(%error, "a room's snapshot can't be read");
            ErrorBody::new(code::INTERNAL, "Something went wrong on our side")
        })
    }
}

/// `leave-room`: unsubscribes the socket; the user leaves with the last of their sockets on this gateway.
pub(super) async fn leave(call: Call, event: LeaveRoom) {
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
pub(crate) fn exit_if_last(gateway: &Arc<Gateway>, session: &Arc<Session>, room_id: RoomId) {
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
