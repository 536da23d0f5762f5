//! `message-thread`: a message and the replies to it.

use sinaesta_contracts::moderation::ReadThread;

use super::Call;

pub(crate) async fn handle(call: Call, event: ReadThread) {
    call.ask(event);
}
