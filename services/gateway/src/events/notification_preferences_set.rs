//! `notification-preferences-set`: all sockets of the user hear of it, this one among them.

use sinaesta_contracts::notification::SetPreferences;

use super::Call;

pub(crate) async fn handle(call: Call, event: SetPreferences) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
