//! `message-history`: a page of a room's messages.

use sinaesta_contracts::chat::MessageHistory;

use super::Call;

pub(crate) async fn handle(call: Call, event: MessageHistory) {
    let tasks = call.gateway.tasks.clone();
    tasks.spawn(async move {
        let answer = call.gateway.bus.ask_raw(&call.session.actor, &event).await;
        call.respond(answer);
    });
}
