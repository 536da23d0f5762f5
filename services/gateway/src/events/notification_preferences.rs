//! `notification-preferences`: what one wants to be told.

use sinaesta_contracts::notification::ReadPreferences;

use super::Call;

pub(crate) async fn handle(call: Call, event: ReadPreferences) {
    call.ask(event);
}
