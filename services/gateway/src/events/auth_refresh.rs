//! `auth-refresh`: a new token for this connection.

use sinaesta_contracts::session::{AuthRefresh, AuthRefreshed};
use sinaesta_contracts::{ErrorBody, Timestamp, code};

use super::Call;

pub(crate) async fn handle(call: Call, event: AuthRefresh) {
    match refresh(&call, &event).await {
        Ok(refreshed) => call.responder.ok_with(&refreshed),
        Err(error) => call.responder.error(error),
    }
}

async fn refresh(call: &Call, event: &AuthRefresh) -> Result<AuthRefreshed, ErrorBody> {
    let invalid = || ErrorBody::new(code::INVALID_TOKEN, "Authentication error: Invalid token").on_field("token");
    let identity = call.gateway.identify(&event.token).await.map_err(|_| invalid())?;
    if identity.user_id != call.session.actor.user_id {
        return Err(ErrorBody::new(code::OTHER_USER, "The token belongs to somebody else").on_field("token"));
    }
    let (issued_at, expires_at) = (identity.issued_at, identity.expires_at);
    let found = call.gateway.users.find(identity).await.map_err(|error| {
        tracing::warn!(%error, "a user could not be read");
        ErrorBody::new(code::UNAVAILABLE, "The server can't check this right now")
    })?;
    if !found.is_some_and(|account| account.takes(issued_at)) {
        return Err(invalid());
    }
    call.session.renew(issued_at, expires_at);
    call.gateway.expiry.watch(call.session.sid, expires_at);
    Ok(AuthRefreshed { expires_at: Timestamp(expires_at) })
}
