//! `study-group-invite`: whoever is wanted is told by a notification.

use sinaesta_contracts::study_group::InviteMember;

use super::Call;

pub(crate) async fn handle(call: Call, event: InviteMember) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
