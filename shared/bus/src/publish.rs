//! Publishing what came of a command: everything is handed to the broker at once, and nothing counts as
//! published before the broker has said so.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use bytes::Bytes;
use sinaesta_contracts::Subject;
use sinaesta_telemetry::TraceContext;
use tracing::Span;

use crate::{Bus, Outbound, headers};

/// The first and the longest pause before a message is repeated.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One message on its way into a stream.
pub(crate) struct Publishing {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
    stored: Option<PublishAckFuture>,
    /// Until the broker has it.
    span: Span,
}

impl Publishing {
    /// Hands a message to the connection; messages of one task keep their order.
    pub(crate) async fn start(bus: &Bus, subject: String, headers: HeaderMap, payload: Bytes) -> Self {
        let stored = bus.jetstream().publish_with_headers(subject.clone(), headers.clone(), payload.clone()).await.ok();
        Self { subject, headers, payload, stored, span: Span::none() }
    }

    fn within(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Waits until the broker has it, repeating it with the same id for as long as that takes.
    pub(crate) async fn finish(mut self, bus: &Bus) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.stored.take() {
                Some(stored) => match stored.await {
                    Ok(_) => return,
                    Err(error) => tracing::debug!(%error, subject = self.subject, "not stored yet; repeating"),
                },
                None => tracing::debug!(subject = self.subject, "not sent yet; repeating"),
            }
            metrics::counter!("bus_publish_repeats_total").increment(1);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            self = Self::start(bus, self.subject, self.headers, self.payload).await.within(self.span);
        }
    }
}

impl Outbound {
    /// Publishes this as the `index`-th consequence of the message `cause`: a repeat has the same id.
    pub(crate) async fn start(&self, bus: &Bus, cause: &str, index: usize, trace: &TraceContext) -> Publishing {
        let id = format!("{cause}.{index}");
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
                if let Some(seq) = seq {
                    sent.insert(headers::SEQ, seq.to_string());
                }
                if let Some(user) = except {
                    sent.insert(headers::EXCEPT, user.to_string());
                }
                let payload = Bytes::copy_from_slice(payload.get().as_bytes());
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
