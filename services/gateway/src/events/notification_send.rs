//! `notification-send`: the sender hears that it is stored, whoever is told hears it from the notification service.

use sinaesta_contracts::notification::{NotificationSent, SendNotification};

use super::Call;

pub(crate) async fn handle(call: Call, event: SendNotification) {
    call.command(event, async |call: Call, answer| call.respond_as::<NotificationSent>(answer)).await;
}
