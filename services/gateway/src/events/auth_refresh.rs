//! `auth-refresh`: a new token for this connection.

use sinaesta_contracts::session::{AuthRefresh, AuthRefreshed};
use sinaesta_contracts::{ErrorBody, Timestamp, code};

use super::Call;

pub(crate) async fn handle(call: Call, event: AuthRefresh) {
    match refresh(&call, &event) {
        Ok(refreshed) => call.responder.ok_with(&refreshed),
        Err(error) => call.responder.error(error),
    }
}

fn refresh(call: &Call, event: &AuthRefresh) -> Result<AuthRefreshed, ErrorBody> {
    let invalid = |_| ErrorBody::new(code::INVALID_TOKEN, "Authentication error: Invalid token").on_field("token");
    let identity = call.gateway.verifier.verify(&event.token).map_err(invalid)?;
    if identity.user_id != call.session.actor.user_id {
        return Err(ErrorBody::new(code::OTHER_USER, "The token belongs to somebody else").on_field("token"));
    }
    call.session.extend(identity.expires_at);
    call.gateway.expiry.watch(call.session.sid, identity.expires_at);
    Ok(AuthRefreshed { expires_at: Timestamp(identity.expires_at) })
}
