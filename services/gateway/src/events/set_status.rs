//! `set-status`: how somebody shows to those who share a room with them.

use sinaesta_contracts::presence::SetStatus;

use super::Call;

pub(crate) async fn handle(call: Call, event: SetStatus) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
