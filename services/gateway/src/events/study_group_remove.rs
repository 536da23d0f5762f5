//! `study-group-remove`: somebody is a member no more.

use sinaesta_contracts::study_group::RemoveMember;

use super::Call;

pub(crate) async fn handle(call: Call, event: RemoveMember) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
