//! Every event of one socket comes through here: checked, counted, read, and put into its lane.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sinaesta_contracts::chat::SendMessage;
use sinaesta_contracts::study_group::SendGroupMessage;
use sinaesta_contracts::{ClientEvent as _, ErrorBody, code};
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts as _, MessageHandler};
use socketioxide::socket::Socket;
use socketioxide_core::Value;

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
        let ack = ack_id.and_then(|_| AckSender::from_message_parts(&socket, &mut value, &ack_id).ok());
        self.take(SocketRef::from(socket), ack, &value);
    }
}

impl Inbound {
    pub(crate) const fn new(gateway: Arc<Gateway>, session: Arc<Session>) -> Self {
        Self { gateway, session }
    }

    fn take(&self, socket: SocketRef, ack: Option<AckSender>, value: &Value) {
        let packet = value.as_str().and_then(|text| reader::split(text));
        let name = packet.as_ref().map_or("", |packet| packet.name.as_str());
        let known = events::known(name);
        let label = known.unwrap_or("unknown");
        metrics::counter!("gateway_events_total", "event" => label).increment(1);
        let shown = known.map_or_else(|| Cow::Owned(name.chars().take(128).collect()), Cow::Borrowed);
        let responder = Responder::new(socket, ack, shown);
        if let Err(error) = self.check(label, value) {
            return responder.error(error);
        }
        match (packet, known) {
            (Some(packet), Some(_)) => {
                events::route(&self.gateway, &self.session, &packet.name, packet.payload, responder);
            }
            (Some(_), None) => responder.error(ErrorBody::new(code::UNKNOWN_EVENT, "There is no such event")),
            (None, _) => responder.error(ErrorBody::new(code::INVALID_PAYLOAD, "This can't be read as an event")),
        }
    }

    fn check(&self, event: &'static str, value: &Value) -> Result<(), ErrorBody> {
        self.limit(event)?;
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

    fn limit(&self, event: &'static str) -> Result<(), ErrorBody> {
        let is_message = event == SendMessage::NAME || event == SendGroupMessage::NAME;
        let taken = if is_message {
            self.session.messages.take().and_then(|()| self.session.user.messages.take())
        } else {
            self.session.events.take()
        };
        taken.map_err(|wait| {
            metrics::counter!("gateway_rate_limited_total", "event" => event).increment(1);
            let error = ErrorBody::new(code::RATE_LIMITED, "Rate limit exceeded. Please slow down.");
            ErrorBody { retry_after_ms: Some(wait.max(Duration::from_millis(1)).as_millis() as u64), ..error }
        })
    }
}
