//! `join-room`: the room as it is, and everything that follows.

use serde::Deserialize;
use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::chat::{JoinRoom, RoomJoined, TypingUser};
use sinaesta_contracts::{Audience, ErrorBody, ServerEvent as _, code};

use super::{Call, leave_room};
use crate::hub::Place;

pub(crate) async fn handle(call: Call, event: JoinRoom) {
    let greet = |call: Call, reply: &RawValue| {
        call.responder.emit(RoomJoined::NAME, reply);
        call.responder.ok(reply);
    };
    enter(call, event, greet).await;
}

/// Enters a room; `greet` hands over what the socket begins with, right before anything that follows.
pub(super) async fn enter(call: Call, event: JoinRoom, greet: impl FnOnce(Call, &RawValue) + Send + 'static) {
    // The room is heard before it is asked for, so that nothing falls between the answer and what follows it.
    let hold = match call.hold(Audience::Room(event.room_id.clone())).await {
        Ok(hold) => hold,
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
                hold.enter(member, Place::Room { last_seq, typing }, Box::new(move || greet(call, &reply)));
            }
            // The socket went while the room was asked for: chat is told that nobody came.
            Ok(_) => {
                drop(joining);
                leave_room::gone(&call.gateway, &call.session, room);
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
