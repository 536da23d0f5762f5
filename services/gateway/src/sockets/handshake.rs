//! Who may connect.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use sinaesta_contracts::{Audience, code};
use sinaesta_mutants::mutant;
use socketioxide::ConnectErrorData;
use socketioxide::extract::{SocketRef, TryData};
use thiserror::Error;
use tokio::time::Instant;

use crate::http::bearer;
use crate::sockets::accounts;
use crate::sockets::inbound::Inbound;
use crate::sockets::session::Session;
use crate::{Gateway, admission};

/// Why a handshake was refused; the text is the `connect_error`'s message.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("Authentication error: No token provided")]
    NoToken,
    #[error("Authentication error: Invalid token")]
    InvalidToken,
    #[error("Authentication error: User not found")]
    UserNotFound,
    #[error("Rate limit exceeded. Please slow down.")]
    HeldOff,
    #[error("The server can't take connections right now")]
    Unavailable,
}

impl Refused {
    /// Whether it is for what came with the handshake.
    const fn is_final(&self) -> bool {
        !matches!(self, Self::Unavailable)
    }

    /// The code under which it is counted, and which is in the `connect_error`'s data.
    const fn code(&self) -> &'static str {
        match self {
            Self::NoToken => code::NO_TOKEN,
            Self::InvalidToken => code::INVALID_TOKEN,
            Self::UserNotFound => code::USER_NOT_FOUND,
            Self::HeldOff => code::RATE_LIMITED,
            Self::Unavailable => code::UNAVAILABLE,
        }
    }
}

/// What `auth` of the handshake may hold.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Auth {
    #[serde(default)]
    token: Option<String>,
}

/// Checks the token and registers the socket's handlers. They are registered here and not once it is connected,
/// because a client's first event may come with its connection.
pub(crate) async fn authenticate(
    gateway: &Arc<Gateway>,
    socket: SocketRef,
    TryData(auth): TryData<Auth>,
) -> Result<(), Refused> {
    let admitted = admit(gateway, &socket, auth.unwrap_or_default()).await;
    let result = admitted.as_ref().map_or_else(Refused::code, |_| "ok");
    metrics::counter!("gateway_handshakes_total", "result" => result).increment(1);
    let opened_by = &socket.req_parts().extensions;
    let session = match admitted {
        Ok(session) => session,
        Err(refused) => {
            if let Some(client) = admission::http::client(opened_by).filter(|_| refused.is_final()) {
                // Whether there is still something to take from makes no difference to this answer.
                gateway.admission.refused(client).ok();
            }
            socket.extensions.insert(ConnectErrorData(json!({ "code": refused.code() }).to_string()));
            return Err(refused);
        }
    };
    gateway.admission.signed_in(socket.id, opened_by);
    socket.extensions.insert(Arc::clone(&session));
    socket.on_fallback(Inbound::new(Arc::clone(gateway), Arc::clone(&session)));
    let gateway = Arc::clone(gateway);
    socket.on_disconnect(async move || goodbye(&gateway, &session));
    Ok(())
}

async fn admit(gateway: &Gateway, socket: &SocketRef, auth: Auth) -> Result<Arc<Session>, Refused> {
    if gateway.closing.is_cancelled() {
        return Err(Refused::Unavailable);
    }
    let bearer = || bearer(&socket.req_parts().headers);
    let token = auth.token.as_deref().or_else(bearer).filter(|token| !token.is_empty()).ok_or(Refused::NoToken)?;
    let identity = gateway.identify(token).await.map_err(|_| Refused::InvalidToken)?;
    let times = gateway.times(&identity);
    let as_of = gateway.users.changes();
    let found = gateway.users.find(identity).await.map_err(|error| {
        tracing::warn!(%error, "a user could not be read");
        Refused::Unavailable
    })?;
    let account = found.ok_or(Refused::UserNotFound)?;
    if !account.takes(times.issued_at) {
        return Err(Refused::InvalidToken);
    }
    let actor = account.actor;
    let user = gateway.entries.of(actor.user_id);
    if user.is_held_off(Instant::now()) && !mutant!("limit-flooder-comes-back-at-once") {
        return Err(Refused::HeldOff);
    }
    Ok(Arc::new(Session::new(socket.id, (actor, as_of), user, times, &gateway.settings.limits)))
}

/// The socket is connected: it hears what concerns its user, and its user is there.
pub(crate) fn welcome(gateway: &Arc<Gateway>, socket: SocketRef) {
    let Some(session) = socket.extensions.get::<Arc<Session>>() else { return };
    if !session.open() {
        return;
    }
    metrics::gauge!("gateway_connections").increment(1.0);
    gateway.expiry.watch(session.sid, session.token().expires_at);
    gateway.hub.enter_user(gateway.member(socket.clone(), &session.actor));
    gateway.presence.arrive(gateway, &session);
    if gateway.users.changes() != session.as_of {
        accounts::look_again(gateway, socket, session);
    }
}

fn goodbye(gateway: &Arc<Gateway>, session: &Arc<Session>) {
    if !session.close() {
        return;
    }
    metrics::gauge!("gateway_connections").decrement(1.0);
    gateway.expiry.forget(session.sid);
    gateway.hub.leave_user(session.actor.user_id, session.sid);
    let is_last = gateway.presence.is_last(session);
    for room in session.take_rooms() {
        gateway.hub.leave(&Audience::Room(room.clone()), session.sid);
        if !is_last {
            crate::events::rooms::exit_if_last(gateway, session, room);
        }
    }
    if session.watches_groups() {
        gateway.hub.leave(&Audience::Groups, session.sid);
    }
    for board in session.take_boards() {
        gateway.hub.leave(&Audience::Board(board), session.sid);
    }
    for exam in session.take_exams() {
        gateway.hub.leave(&Audience::Exam(exam), session.sid);
        gateway.hub.leave(&Audience::Proctors(exam), session.sid);
        gateway.participation.depart(gateway, session, exam);
    }
    for room in session.take_typing() {
        crate::events::typing::stop(gateway, session, room);
    }
    gateway.presence.depart(gateway, session);
}
