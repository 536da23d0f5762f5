//! Every event of one socket comes through here: counted, checked, read, and put into its user's queue.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sinaesta_contracts::session::ErrorEvent;
use sinaesta_contracts::{ErrorBody, ServerEvent as _, code};
use sinaesta_mutants::mutant;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts as _, MessageHandler};
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::limits::{Class, Refusal, exceeded};
use super::reader;
use super::responder::Responder;
use super::session::Session;
use crate::{Gateway, events};

/// The one handler of a socket. One for all events costs less memory than one for each, and an unknown event is
/// just one more name.
pub(crate) struct Inbound {
    gateway: Arc<Gateway>,
    session: Arc<Session>,
}

/// Tells this handler from those that are functions.
pub(crate) struct Raw;

impl MessageHandler<LocalAdapter, Raw> for Inbound {
    fn call(&self, socket: Arc<Socket<LocalAdapter>>, mut value: Value, ack_id: Option<i64>) {
        // Before anything of it is read: what is refused must cost next to nothing.
        let peeked = value.as_str().and_then(|text| reader::peek(text)).and_then(events::route);
        let class = peeked.map_or(Class::Other, |route| route.class);
        if let Err(wait) = self.session.limits.take(&self.session.user.limits, class) {
            return self.refuse(socket, value, ack_id, peeked.map(|route| route.name), wait);
        }
        let ack = ack_id.and_then(|_| AckSender::from_message_parts(&socket, &mut value, &ack_id).ok());
        self.take(SocketRef::from(socket), ack, &value, class);
    }
}

impl Inbound {
    pub(crate) const fn new(gateway: Arc<Gateway>, session: Arc<Session>) -> Self {
        Self { gateway, session }
    }

    fn take(&self, socket: SocketRef, ack: Option<AckSender>, value: &Value, counted: Class) {
        let packet = value.as_str().and_then(|text| reader::split(text));
        let name = packet.as_ref().map_or("", |packet| packet.name.as_str());
        let route = events::route(name);
        metrics::counter!("gateway_events_total", "event" => route.map_or("unknown", |route| route.name)).increment(1);
        let shown =
            route.map_or_else(|| Cow::Owned(name.chars().take(128).collect()), |route| Cow::Borrowed(route.name));
        let responder = Responder::new(socket, ack, shown);
        // A name that is written in another way counts as what it is.
        let class = route.map_or(Class::Other, |route| route.class);
        if class != counted
            && !mutant!("limit-not-of-names-in-disguise")
            && let Err(wait) = self.session.user.limits.take_class(class)
        {
            return responder.error(exceeded(wait));
        }
        if let Err(error) = self.check(value) {
            return responder.error(error);
        }
        match (packet, route) {
            (Some(packet), Some(route)) => route.call(&self.gateway, &self.session, packet.payload, responder),
            (Some(_), None) => responder.error(ErrorBody::new(code::UNKNOWN_EVENT, "There is no such event")),
            (None, _) => responder.error(ErrorBody::new(code::INVALID_PAYLOAD, "This can't be read as an event")),
        }
    }

    fn check(&self, value: &Value) -> Result<(), ErrorBody> {
        if self.gateway.closing.is_cancelled() {
            return Err(ErrorBody::new(code::UNAVAILABLE, "This server is closing; reconnect and send it again"));
        }
        if matches!(value, Value::Bytes(_) | Value::Str(_, Some(_))) {
            return Err(ErrorBody::new(code::BINARY, "Binary data is not accepted; send JSON"));
        }
        let most = self.gateway.settings.gateway.max_event_bytes;
        if value.len() > most {
            return Err(ErrorBody::new(code::TOO_LARGE, format!("An event may have up to {most} bytes")));
        }
        Ok(())
    }

    /// Past a limit. Whoever sends on and on is closed, and stays away for a while.
    fn refuse(
        &self,
        socket: Arc<Socket<LocalAdapter>>,
        mut value: Value,
        ack_id: Option<i64>,
        event: Option<&'static str>,
        wait: Duration,
    ) {
        let mut refusals = self.session.refusals.lock();
        if refusals.is_closed() {
            // Its buffer was full when it was to be closed.
            drop(refusals);
            return drop(socket.disconnect());
        }
        let refusal = refusals.refuse(Instant::now(), ack_id.is_some());
        drop(refusals);
        let event = event.unwrap_or("unknown");
        metrics::counter!("gateway_events_total", "event" => event).increment(1);
        metrics::counter!("gateway_rate_limited_total", "event" => event).increment(1);
        match refusal {
            Refusal::Silent => {}
            Refusal::Answer => {
                let ack = ack_id.and_then(|_| AckSender::from_message_parts(&socket, &mut value, &ack_id).ok());
                Responder::new(SocketRef::from(socket), ack, Cow::Borrowed(event)).error(exceeded(wait));
            }
            Refusal::Close => self.close(&socket, event),
        }
    }

    fn close(&self, socket: &Arc<Socket<LocalAdapter>>, event: &'static str) {
        let limits = &self.gateway.settings.limits;
        let away = Duration::from_millis(limits.held_off_ms);
        self.session.user.hold_off(tokio::time::Instant::now() + away);
        metrics::counter!("gateway_flooding_sockets_total").increment(1);
        let user_id = self.session.actor.user_id;
        tracing::warn!(%user_id, refused = limits.refused_events, event, "socket closed: it sends on past its limits");
        let text = "Too many events were sent past the limit: the connection is closed.";
        let error = ErrorBody { retry_after_ms: Some(limits.held_off_ms), ..ErrorBody::new(code::FLOODING, text) };
        socket.emit(ErrorEvent::NAME, &ErrorEvent { error, event: event.to_owned() }).ok();
        Arc::clone(socket).disconnect().ok();
    }
}
