//! `notification-read-all`: all sockets of the user hear of it, this one among them.

use sinaesta_contracts::notification::ReadAllNotifications;

use super::Call;

pub(crate) async fn handle(call: Call, event: ReadAllNotifications) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
