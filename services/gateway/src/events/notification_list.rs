//! `notification-list`: a page of one's notifications.

use sinaesta_contracts::notification::ListNotifications;

use super::Call;

pub(crate) async fn handle(call: Call, event: ListNotifications) {
    call.ask(event);
}
