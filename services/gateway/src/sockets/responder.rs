//! The answer to one event: by its acknowledgement callback if it has one; without, only failures are told.

use std::borrow::Cow;
use std::time::Instant;

use serde::Serialize;
use serde_json::value::RawValue;
use sinaesta_contracts::session::ErrorEvent;
use sinaesta_contracts::{ErrorBody, ServerEvent};
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::{SendError, SocketError};

/// Answers one event, once.
pub(crate) struct Responder {
    socket: SocketRef,
    ack: Option<AckSender>,
    event: Cow<'static, str>,
    taken: Instant,
}

#[derive(Serialize)]
struct Failed<'e> {
    ok: bool,
    error: &'e ErrorBody,
}

impl Responder {
    pub(crate) fn new(socket: SocketRef, ack: Option<AckSender>, event: Cow<'static, str>) -> Self {
        Self { socket, ack, event, taken: Instant::now() }
    }

    pub(crate) const fn socket(&self) -> &SocketRef {
        &self.socket
    }

    /// The event that tells the sender what the acknowledgement does.
    pub(crate) fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) {
        told(&self.socket, self.socket.emit(event, payload));
    }

    /// Done; `reply` is the JSON object whose fields stand beside `ok`, or `null`.
    pub(crate) fn ok(self, reply: &RawValue) {
        // Only names of ours: what a client makes up is refused.
        if let Cow::Borrowed(event) = self.event {
            metrics::histogram!("gateway_acknowledgement_seconds", "event" => event).record(self.taken.elapsed());
        }
        let Some(ack) = self.ack else { return };
        let body = match reply.get().strip_prefix('{').map(str::trim_start) {
            None | Some("}") => Ok(r#"{"ok":true}"#.to_owned()),
            Some(fields) => Ok(format!(r#"{{"ok":true,{fields}"#)),
        };
        match body.and_then(RawValue::from_string) {
            Ok(body) => told(&self.socket, ack.send(&body)),
            Err(error) => tracing::error!(%error, "an acknowledgement could not be written"),
        }
    }

    /// Done, with a reply of our own making.
    pub(crate) fn ok_with<T: Serialize>(self, reply: &T) {
        match serde_json::value::to_raw_value(reply) {
            Ok(reply) => self.ok(&reply),
            Err(error) => tracing::error!(%error, "an acknowledgement could not be written"),
        }
    }

    /// Not done, and why.
    pub(crate) fn error(self, error: ErrorBody) {
        metrics::counter!("gateway_refused_total", "code" => error.code.clone()).increment(1);
        match self.ack {
            Some(ack) => told(&self.socket, ack.send(&Failed { ok: false, error: &error })),
            None => {
                let event = ErrorEvent { error, event: self.event.into_owned() };
                told(&self.socket, self.socket.emit(ErrorEvent::NAME, &event));
            }
        }
    }
}

/// A client that is gone is not told; whatever it asked for has happened, and it will ask again. One that asks for more
/// than it reads loses its connection: it would wait for ever for what could not be queued, and asks again once it has
/// reconnected.
fn told(socket: &SocketRef, sent: Result<(), SendError>) {
    match sent {
        Ok(()) => {}
        Err(SendError::Socket(SocketError::InternalChannelFull)) => {
            metrics::counter!("gateway_unread_answers_total").increment(1);
            tracing::info!(sid = %socket.id, "socket disconnected: it asks for more than it reads");
            socket.drop_connection();
        }
        Err(error) => tracing::debug!(%error, "an answer found nobody"),
    }
}
