//! `study-group-create`: the group is made, and its maker's socket is in its room.

use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::study_group::{CreateGroup, StudyGroupCreated};
use sinaesta_contracts::{GroupId, ServerEvent as _};

use super::{Call, study_group_join};

pub(crate) async fn handle(call: Call, event: CreateGroup) {
    call.command(event, async move |call: Call, answer: Answer| match answer {
        Ok(made) => match id(&made) {
            Some(id) => study_group_join::enter(call, id, StudyGroupCreated::NAME, made).await,
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
