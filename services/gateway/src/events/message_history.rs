//! `message-history`: a page of a room's messages.

use sinaesta_contracts::chat::MessageHistory;

use super::Call;

pub(crate) async fn handle(call: Call, event: MessageHistory) {
    call.ask(event);
}
