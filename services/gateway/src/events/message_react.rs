//! `message-react`: the room hears of it, the sender too.

use sinaesta_contracts::moderation::ReactToMessage;

use super::Call;

pub(crate) async fn handle(call: Call, event: ReactToMessage) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
