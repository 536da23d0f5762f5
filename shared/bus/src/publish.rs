//! Publishing what came of a command: everything is handed to the broker at once, and nothing counts as
//! published before the broker has said so.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use bytes::Bytes;
use sinaesta_contracts::Subject;
use sinaesta_telemetry::TraceContext;

use crate::{Bus, Outbound, headers};

/// One message on its way into a stream.
pub(crate) struct Publishing {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
    stored: Option<PublishAckFuture>,
}

impl Publishing {
    /// Hands a message to the connection; messages of one task keep their order.
    pub(crate) async fn start(bus: &Bus, subject: String, headers: HeaderMap, payload: Bytes) -> Self {
        let stored = bus.jetstream().publish_with_headers(subject.clone(), headers.clone(), payload.clone()).await.ok();
        Self { subject, headers, payload, stored }
    }

    /// Waits until the broker has it, repeating it with the same id for as long as that takes.
    pub(crate) async fn finish(mut self, bus: &Bus) {
        loop {
            if let Some(stored) = self.stored.take() {
                match stored.await {
                    Ok(_) => return,
                    Err(error) => tracing::warn!(%error, subject = self.subject, "not stored yet; repeating"),
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            self = Self::start(bus, self.subject, self.headers, self.payload).await;
        }
    }
}

impl Outbound {
    /// Publishes this as the `index`-th consequence of the message `cause`: a repeat has the same id.
    pub(crate) async fn start(&self, bus: &Bus, cause: &str, index: usize, trace: &TraceContext) -> Publishing {
        let mut sent = headers::with_message_id(&format!("{cause}.{index}"), trace);
        match self {
            Self::Deliver { audience, event, payload, seq, except } => {
                sent.insert(headers::EVENT, *event);
                if let Some(seq) = seq {
                    sent.insert(headers::SEQ, seq.to_string());
                }
                if let Some(user) = except {
                    sent.insert(headers::EXCEPT, user.to_string());
                }
                let payload = Bytes::copy_from_slice(payload.get().as_bytes());
                Publishing::start(bus, Subject::Deliver(audience).to_string(), sent, payload).await
            }
            Self::Event { domain, name, payload } => {
                let payload = Bytes::copy_from_slice(payload.get().as_bytes());
                Publishing::start(bus, Subject::Event(domain, name).to_string(), sent, payload).await
            }
        }
    }
}
