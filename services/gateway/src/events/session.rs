//! The connection itself: whether it is alive, and its token.

use std::time::Duration;

use sinaesta_contracts::session::{AuthRefresh, AuthRefreshed, HeartbeatAck};
use sinaesta_contracts::{ErrorBody, ServerEvent as _, Timestamp, code};
use sinaesta_mutants::mutant;
use tokio::time::timeout_at;

use super::Call;
use crate::sockets::accounts;
use crate::sockets::limits::busy;

/// How long a token waits for the one before it.
const TURN: Duration = Duration::from_secs(5);

/// `heartbeat`: replies with the server's time, outside of the user's queue.
pub(super) fn heartbeat(call: Call) {
    let ack = HeartbeatAck { server_time: Timestamp(call.gateway.clock.now()) };
    call.responder.emit(HeartbeatAck::NAME, &ack);
    call.responder.ok_with(&ack);
}

/// `auth-refresh`: a new token for this connection.
///
/// Out of the queue: the issuer's keys may have to be fetched, and nothing that follows needs the new token.
pub(super) async fn refresh_token(call: Call, event: AuthRefresh) {
    let tasks = call.gateway.tasks.clone();
    tasks.spawn(async move {
        let refreshed = refresh_in_turn(&call, &event).await;
        match refreshed {
            Ok(refreshed) => call.responder.ok_with(&refreshed),
            Err(error) => call.responder.error(error),
        }
    });
}

/// One after another, so that the last token that was sent is the one that counts.
async fn refresh_in_turn(call: &Call, event: &AuthRefresh) -> Result<AuthRefreshed, ErrorBody> {
    let turn = timeout_at(call.arrived + TURN, call.session.refreshing.lock()).await;
    let _turn = turn.map_err(|_| busy("Another token is looked at; try again", TURN))?;
    let _permit = call.session.user.open_query(call.arrived + TURN).await?;
    refresh(call, event).await
}

async fn refresh(call: &Call, event: &AuthRefresh) -> Result<AuthRefreshed, ErrorBody> {
    let invalid = || ErrorBody::new(code::INVALID_TOKEN, "Authentication error: Invalid token").on_field("token");
    let identity = call.gateway.identify(&event.token).await.map_err(|_| invalid())?;
    if identity.user_id != call.session.actor.user_id && !mutant!("token-of-somebody-else-renews") {
        return Err(ErrorBody::new(code::OTHER_USER, "The token belongs to somebody else").on_field("token"));
    }
    let times = call.gateway.times(&identity);
    let found = call.gateway.users.find(identity).await.map_err(|error| {
        tracing::warn!(%error, "a user could not be read");
        ErrorBody::new(code::UNAVAILABLE, "The server can't check this right now")
    })?;
    let account = found.filter(|account| account.takes(times.issued_at)).ok_or_else(invalid)?;
    call.session.renew(times);
    call.gateway.expiry.watch(call.session.sid, times.expires_at);
    accounts::settle(call.responder.socket(), &call.session, Some(&account));
    Ok(AuthRefreshed { expires_at: Timestamp(times.expires_at) })
}
