//! `mute-user`: the room and whom it is about hear of it.

use sinaesta_contracts::moderation::MuteUser;

use super::Call;

pub(crate) async fn handle(call: Call, event: MuteUser) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
