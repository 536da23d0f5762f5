//! `study-group-message`: posts into a group's room.

use sinaesta_contracts::study_group::SendGroupMessage;

use super::{Call, send_message};

pub(crate) async fn handle(call: Call, event: SendGroupMessage) {
    send_message::handle(call, event.into()).await;
}
