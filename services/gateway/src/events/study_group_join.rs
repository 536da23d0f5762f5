//! `study-group-join`: becomes a member, and the socket enters the group's room.

use std::sync::Arc;

use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::chat::JoinRoom;
use sinaesta_contracts::study_group::{JoinGroup, StudyGroupJoined};
use sinaesta_contracts::{GroupId, RoomId, ServerEvent as _};

use super::{Call, join_room};

pub(crate) async fn handle(call: Call, event: JoinGroup) {
    let id = event.group_id;
    call.command(event, async move |call: Call, answer: Answer| match answer {
        Ok(joined) => enter(call, id, StudyGroupJoined::NAME, joined).await,
        Err(error) => call.responder.error(error),
    })
    .await;
}

/// Enters a group's room; its socket is greeted with what it is a member by, right before anything that follows.
pub(super) async fn enter(call: Call, id: GroupId, event: &'static str, told: Arc<RawValue>) {
    let join = JoinRoom { room_id: RoomId::from(id), since_seq: None };
    let greet = move |call: Call, _: &RawValue| {
        call.responder.emit(event, &*told);
        call.responder.ok(&told);
    };
    join_room::enter(call, join, greet).await;
}
