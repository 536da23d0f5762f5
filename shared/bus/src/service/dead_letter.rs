//! What can't be handled is put aside with its reason, for operators to look at, resend or remove.

use async_nats::jetstream::Message;
use metrics::counter;
use sinaesta_contracts::{Service, Subject};
use sinaesta_telemetry::TraceContext;

use crate::publish::Publishing;
use crate::{Bus, headers};

/// The longest reason, in characters.
const REASON: usize = 1_000;

/// What is said of a message that is put aside.
pub(super) struct Letter<'a> {
    /// The same for every repeat of it.
    pub(super) id: String,
    pub(super) reason: &'a str,
    pub(super) service: Service,
}

/// Hands a message to the dead letters.
pub(super) async fn publish(bus: &Bus, letter: Letter<'_>, message: &Message) -> Publishing {
    let Letter { id, reason, service } = letter;
    let original = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default();
    tracing::error!(%service, subject = %message.subject, message_id = original, reason, "dead letter");
    counter!("bus_dead_letters_total", "service" => service.as_str()).increment(1);
    let mut sent = headers::with_message_id(&id, &TraceContext::default());
    // A header is one line.
    let reason: String = reason.chars().take(REASON).map(|c| if c.is_control() { ' ' } else { c }).collect();
    sent.insert(headers::REASON, reason);
    sent.insert(headers::SUBJECT, message.subject.as_str());
    for (name, from) in [(headers::KEY, headers::KEY), (headers::ORIGINAL_ID, headers::MESSAGE_ID)] {
        if let Some(value) = headers::text(message.headers.as_ref(), from) {
            sent.insert(name, value);
        }
    }
    Publishing::start(bus, Subject::DeadLetter(service).to_string(), sent, message.payload.clone()).await
}
