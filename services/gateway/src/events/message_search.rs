//! `message-search`: a room's messages that say something.

use sinaesta_contracts::moderation::SearchMessages;

use super::Call;

pub(crate) async fn handle(call: Call, event: SearchMessages) {
    call.ask(event);
}
