//! Admitting HTTP requests, and answering those who are turned away.

use std::sync::{Arc, Weak};

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sinaesta_contracts::{ErrorBody, code};
use socketioxide::SocketIo;
use socketioxide_core::Sid;

use super::{Admission, ClientAddress, Connection, ConnectionRef, TurnedAway, Unsigned};
use crate::http::Problem;

/// Where Socket.IO is.
const SOCKET_IO: &str = "/socket.io";

/// What admitting requests needs.
#[derive(Clone)]
pub(crate) struct Admitting {
    pub(crate) admission: Arc<Admission>,
    pub(crate) io: SocketIo,
}

/// Notes where a request comes from, and counts the session that it opens.
pub(crate) async fn admit(
    State(Admitting { admission, io }): State<Admitting>,
    mut request: Request,
    next: Next,
) -> Response {
    let connection = request.extensions().get::<ConnectionRef>().and_then(|one| one.0.upgrade());
    let Some(connection) = connection else { return next.run(request).await };
    let client = admission.proxies.client(connection.peer, request.headers());
    request.extensions_mut().insert(client);
    match session(request.uri()) {
        Some(Session::New) => match admission.open(client) {
            Ok(unsigned) => drop(request.extensions_mut().insert(Arc::new(unsigned))),
            Err(turned_away) => return Problem::from(turned_away).into_response(),
        },
        Some(Session::Known(sid)) => {
            let is_move = request.headers().contains_key(header::UPGRADE);
            admission.uses(&connection, sid, is_move, || io.get_socket(sid).is_some());
        }
        None => {}
    }
    drop(connection);
    next.run(request).await
}

#[derive(Debug, PartialEq)]
enum Session {
    New,
    Known(Sid),
}

/// The session that a request is for, found as the library does; `None` if it is for none.
fn session(uri: &Uri) -> Option<Session> {
    let rest = uri.path().strip_prefix(SOCKET_IO)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    match uri.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("sid=")) {
        None => Some(Session::New),
        Some(sid) => sid.parse().ok().map(Session::Known),
    }
}

impl Admission {
    /// A connection is used by a session, which stays on it if it is moved there.
    fn uses(&self, connection: &Arc<Connection>, sid: Sid, is_move: bool, is_signed_in: impl Fn() -> bool) {
        if !connection.is_counted() {
            return;
        }
        if is_move {
            self.moved.insert(sid, ConnectionRef(Arc::downgrade(connection)));
        }
        // Behind the insertion: whoever signs in meanwhile is seen here or there.
        if is_signed_in() {
            connection.signed_in();
        }
    }

    /// Somebody has signed in in a session: its limits are the user's from now on.
    pub(crate) fn signed_in(&self, sid: Sid, opened_by: &Extensions) {
        if let Some(unsigned) = opened_by.get::<Arc<Unsigned>>() {
            unsigned.of_address.release();
            unsigned.overall.release();
        }
        let moved = self.moved.remove(&sid);
        for connection in [opened_by.get(), moved.as_ref()].into_iter().flatten().filter_map(upgrade) {
            connection.signed_in();
        }
    }

    /// A request came with a token that was accepted.
    pub(crate) fn request_signed_in(parts: &Parts) {
        if let Some(connection) = parts.extensions.get().and_then(upgrade) {
            connection.signed_in();
        }
    }
}

fn upgrade(connection: &ConnectionRef) -> Option<Arc<Connection>> {
    Weak::upgrade(&connection.0)
}

/// Where a request comes from, if it came through the server.
pub(crate) fn client(extensions: &Extensions) -> Option<ClientAddress> {
    extensions.get().copied()
}

impl From<TurnedAway> for Problem {
    fn from(turned_away: TurnedAway) -> Self {
        let text = "There is too much from your address. Please try again.";
        let wait = turned_away.retry_after.as_millis().max(1) as u64;
        Self(ErrorBody { retry_after_ms: Some(wait), ..ErrorBody::new(code::RATE_LIMITED, text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_opens_a_session_or_belongs_to_one_or_neither() {
        let of = |uri: &str| session(&uri.parse().unwrap());
        assert_eq!(of("/socket.io/?EIO=4&transport=polling"), Some(Session::New));
        assert_eq!(of("/socket.io?EIO=4&transport=websocket"), Some(Session::New));
        assert_eq!(of("/socket.io/"), Some(Session::New));
        let sid = Sid::new();
        assert_eq!(of(&format!("/socket.io/?EIO=4&sid={sid}")), Some(Session::Known(sid)));
        // The library refuses these.
        assert_eq!(of("/socket.io/?EIO=4&sid="), None);
        assert_eq!(of(&format!("/socket.io/?sid=x&sid={sid}")), None);
        assert_eq!(of("/socket.iox/"), None);
        assert_eq!(of("/api/exams?sid=x"), None);
    }
}
