//! Publishing what came of a command: everything is handed to the broker at once, and nothing counts as
//! published before the broker has said so.

use std::error::Error as _;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use sinaesta_contracts::session::ResyncRequired;
use sinaesta_contracts::{ServerEvent as _, Subject};
use sinaesta_mutants::mutant;
use sinaesta_telemetry::TraceContext;
use tracing::Span;

use crate::waiting::{Backoff, Dependency};
use crate::{Bus, Outbound, headers};

/// The first and the longest pause before a message is repeated.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// After so many repeats it is shown that something waits for the broker.
const SHOWN: u32 = 5;

/// One message on its way into a stream.
pub(crate) struct Publishing {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
    stored: Result<PublishAckFuture, NotStored>,
    /// Until the broker has it.
    span: Span,
}

/// Why the broker does not have a message.
#[derive(Debug)]
pub(crate) enum NotStored {
    /// It may have it all the same, or may take it later.
    Unknown,
    /// It has no room for anything: it did not take it, and may take it later.
    Full,
    /// It never takes this one.
    Refused(String),
}

impl NotStored {
    pub(crate) fn of(error: &PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => Self::Refused(error.to_string()),
            PublishErrorKind::Other => {
                let cause = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
                match cause.map(jetstream::Error::error_code) {
                    Some(ErrorCode::STREAM_STORE_FAILED | ErrorCode::INSUFFICIENT_RESOURCES) => Self::Full,
                    Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Self::Refused(error.to_string()),
                    _ => Self::Unknown,
                }
            }
            _ => Self::Unknown,
        }
    }
}

impl Publishing {
    /// Hands a message to the connection; messages of one task keep their order.
    pub(crate) async fn start(bus: &Bus, subject: String, headers: HeaderMap, payload: Bytes) -> Self {
        let handed = bus.jetstream().publish_with_headers(subject.clone(), headers.clone(), payload.clone()).await;
        let stored = handed.map_err(|error| NotStored::of(&error));
        Self { subject, headers, payload, stored, span: Span::none() }
    }

    fn within(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Waits until the broker has it, repeating it with the same id for as long as that takes. What the broker will never
    /// take is dropped.
    pub(crate) async fn finish(mut self, bus: &Bus) {
        let (mut backoff, mut repeats) = (Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), 0);
        let mut _wait = None;
        loop {
            let not_stored = match self.stored {
                Ok(stored) => match stored.await {
                    Ok(_) => return,
                    Err(error) => NotStored::of(&error),
                },
                Err(not_stored) => not_stored,
            };
            if let NotStored::Refused(reason) = not_stored {
                tracing::error!(subject = self.subject, reason, "the broker refuses a message; dropped");
                return metrics::counter!("bus_dropped_total", "kind" => "refused").increment(1);
            }
            metrics::counter!("bus_publish_repeats_total").increment(1);
            repeats += 1;
            if repeats == SHOWN {
                let who = format!("a message to {}", self.subject);
                _wait = Some(bus.waiting().begin(who, Dependency::Broker, "not stored yet".to_owned()));
            }
            tokio::time::sleep(backoff.pause()).await;
            self = Self::start(bus, self.subject, self.headers, self.payload).await.within(self.span);
        }
    }
}

/// Whether the broker takes a message of this size.
fn fits(bus: &Bus, headers: &HeaderMap, payload: &Bytes) -> bool {
    /// What each header costs besides its name and value, and what all of them cost, in bytes.
    const EACH: usize = 4;
    const ALL: usize = 12;
    let lines = headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let size: usize = lines.map(|(name, value)| AsRef::<str>::as_ref(name).len() + value.as_str().len() + EACH).sum();
    size + ALL + payload.len() <= bus.client().max_payload()
}

impl Outbound {
    /// Publishes this as the `index`-th consequence of the message `cause`: a repeat has the same id.
    pub(crate) async fn start(&self, bus: &Bus, cause: &str, index: usize, trace: &TraceContext) -> Publishing {
        let mut id = format!("{cause}.{index}");
        mutant!("bus-new-ids-when-told-again", id = uuid::Uuid::now_v7().to_string());
        mutant!("bus-deliveries-share-an-id", id = cause.to_owned());
        match self {
            Self::Deliver { audience, event, payload, seq, except } => {
                let subject = Subject::Deliver(audience).to_string();
                let span = sinaesta_telemetry::span!(
                    "delivery.publish",
                    producer,
                    messaging.system = "nats",
                    messaging.operation.type = "send",
                    messaging.destination.name = subject,
                    event = *event,
                );
                trace.adopt(&span);
                let mut sent = headers::with_message_id(&id, &TraceContext::of(&span));
                sent.insert(headers::EVENT, *event);
                if let Some(seq) = seq.filter(|_| !mutant!("bus-seq-not-sent")) {
                    sent.insert(headers::SEQ, seq.to_string());
                }
                if let Some(user) = except.filter(|_| !mutant!("bus-except-not-sent")) {
                    sent.insert(headers::EXCEPT, user.to_string());
                }
                let mut payload = Bytes::copy_from_slice(payload.get().as_bytes());
                if !fits(bus, &sent, &payload) && !mutant!("bus-too-large-delivery-vanishes") {
                    let bytes = payload.len();
                    tracing::error!(
                        subject,
                        event = *event,
                        bytes,
                        "a delivery is too large; its audience resynchronises"
                    );
                    metrics::counter!("bus_dropped_total", "kind" => "delivery").increment(1);
                    sent.insert(headers::EVENT, ResyncRequired::NAME);
                    payload = Bytes::from_static(b"null");
                }
                Publishing::start(bus, subject, sent, payload).await.within(span)
            }
            Self::Event { domain, name, payload, id: own } => {
                let subject = Subject::Event(domain, name).to_string();
                let span = sinaesta_telemetry::span!(
                    "event.publish",
                    producer,
                    messaging.system = "nats",
                    messaging.operation.type = "send",
                    messaging.destination.name = subject,
                );
                trace.adopt(&span);
                let mut sent = headers::with_message_id(&id, &TraceContext::of(&span));
                if let Some(id) = own {
                    sent.insert(headers::MESSAGE_ID, format!("{domain}.{name}.{id}"));
                }
                let payload = Bytes::copy_from_slice(payload.get().as_bytes());
                Publishing::start(bus, subject, sent, payload).await.within(span)
            }
        }
    }
}
