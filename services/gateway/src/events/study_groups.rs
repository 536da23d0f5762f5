//! Study groups whose rooms a socket joins, and their list.

use std::sync::Arc;

use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::chat::JoinRoom;
use sinaesta_contracts::study_group::{CreateGroup, JoinGroup, ListGroups, StudyGroupCreated, StudyGroupJoined};
use sinaesta_contracts::{Audience, GroupId, RoomId, ServerEvent as _};

use super::{Call, rooms};
use crate::hub::JoinState;

/// `study-group-create`: creates the group, and its creator's socket joins its room.
pub(super) async fn create(call: Call, event: CreateGroup) {
    call.command(event, async move |call: Call, answer: Answer| match answer {
        Ok(made) => match id(&made) {
            Some(id) => enter(call, id, StudyGroupCreated::NAME, made).await,
            None => call.respond(Ok(made)),
        },
        Err(error) => call.responder.error(error),
    })
    .await;
}

/// Which group it is: the rest is passed on unread.
fn id(made: &RawValue) -> Option<GroupId> {
    #[derive(serde::Deserialize)]
    struct Made {
        id: GroupId,
    }
    serde_json::from_str::<Made>(made.get()).ok().map(|made| made.id)
}

/// `study-group-join`: becomes a member, and the socket joins the group's room.
pub(super) async fn join(call: Call, event: JoinGroup) {
    let id = event.group_id;
    call.command(event, async move |call: Call, answer: Answer| match answer {
        Ok(joined) => enter(call, id, StudyGroupJoined::NAME, joined).await,
        Err(error) => call.responder.error(error),
    })
    .await;
}

/// Enters a group's room; its socket is greeted with what it is a member by, right before anything that follows.
async fn enter(call: Call, id: GroupId, event: &'static str, told: Arc<RawValue>) {
    let join = JoinRoom { room_id: RoomId::from(id), since_seq: None };
    let greet = move |call: Call, _: &RawValue| {
        call.responder.emit(event, &*told);
        call.responder.ok(&told);
    };
    rooms::enter(call, join, greet).await;
}

/// `study-group-list`: a page of groups; with `watch` the socket subscribes to changes of the list.
pub(super) async fn list(call: Call, event: ListGroups) {
    match event.watch {
        Some(true) => {
            // Subscribed to before it is asked for, so that nothing falls between the reply and the deliveries.
            match call.begin_join(Audience::Groups).await {
                Ok(join) if call.session.watch_groups() => join.complete(call.member(), JoinState::Plain, || {}),
                Ok(_) => {}
                Err(error) => return call.responder.error(error),
            }
        }
        Some(false) => call.gateway.hub.leave(&Audience::Groups, call.session.sid),
        None => {}
    }
    call.ask(event);
}
