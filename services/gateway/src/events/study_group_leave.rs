//! `study-group-leave`: the user's sockets hear from the room that they are out of it, wherever they are.

use sinaesta_contracts::study_group::{LeaveGroup, StudyGroupLeft};

use super::Call;

pub(crate) async fn handle(call: Call, event: LeaveGroup) {
    call.command(event, async |call: Call, answer| call.respond_as::<StudyGroupLeft>(answer)).await;
}
