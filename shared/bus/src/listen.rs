//! The gateway's side of deliveries.

use async_nats::HeaderMap;
use async_nats::jetstream::stream::DirectGetErrorKind;
use bytes::Bytes;
use futures::StreamExt as _;
use sinaesta_contracts::session::ResyncRequired;
use sinaesta_contracts::{Audience, ServerEvent as _, Stream, Subject, UserId};
use sinaesta_mutants::mutant;
use sinaesta_telemetry::TraceContext;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{Bus, BusError, headers};

/// Something that sockets must hear.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The Socket.IO event's name.
    pub event: String,
    /// Its JSON, to be passed on as it is.
    pub payload: Bytes,
    /// A room message's `seq`.
    pub seq: Option<i64>,
    /// Whose sockets are passed over.
    pub except: Option<UserId>,
    /// When the broker stored it.
    pub stored_at: Option<OffsetDateTime>,
    /// Where its trace stands.
    pub trace: TraceContext,
}

impl Delivery {
    /// Whether this stands for something that was too large to be delivered: its audience needs its current state.
    pub fn is_lost(&self) -> bool {
        self.event == ResyncRequired::NAME
    }
}

/// Hears the deliveries for one audience, in order, each once.
pub struct Listener {
    bus: Bus,
    audience: Audience,
    live: async_nats::Subscriber,
    /// The stream sequence of the latest delivery for this audience; `None` before the first.
    last: Option<u64>,
}

impl Bus {
    /// Begins to hear what is delivered to an audience. Whatever is stored after this returns is heard.
    pub async fn listen(&self, audience: Audience) -> Result<Listener, BusError> {
        let live = self
            .client()
            .subscribe(Subject::Live(&audience).to_string())
            .await
            .map_err(|error| BusError::Subscribe(error.to_string()))?;
        Ok(Listener { bus: self.clone(), audience, live, last: None })
    }
}

impl Listener {
    /// The next deliveries: mostly one; several where a gap had to be filled. `None` when the connection is closed.
    /// Cancelling it loses nothing: only the wait for the live message can be cancelled before anything is taken.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.live.next().await.map(Arrival)
    }

    /// The deliveries that an arrival brings, in order: itself, after what was missing before it.
    pub async fn accept(&mut self, arrival: Arrival) -> Vec<Delivery> {
        let received = arrival.0.headers.as_ref();
        let sequence: Option<u64> = headers::parsed(received, headers::SEQUENCE);
        let before: Option<u64> = headers::parsed(received, headers::LAST_SEQUENCE);
        let mut deliveries = match (self.last, before, sequence) {
            // The stream began anew: what was lost with it is a matter of `seq`.
            (Some(last), _, Some(sequence)) if sequence <= last => Vec::new(),
            (Some(last), Some(before), Some(sequence)) if before > last && !mutant!("bus-gap-not-read") => {
                self.missing(last, sequence).await
            }
            _ => Vec::new(),
        };
        self.last = sequence.or(self.last);
        let stored_at = headers::text(received, headers::TIME_STAMP);
        deliveries.extend(read(received, arrival.0.payload.clone(), stored_at));
        deliveries
    }

    /// What the stream still has for this audience after `last` and before `until`.
    async fn missing(&self, last: u64, until: u64) -> Vec<Delivery> {
        let mut found = Vec::new();
        let Ok(stream) = self.bus.jetstream().get_stream_no_info(Stream::Deliveries.to_string()).await else {
            return found;
        };
        let subject = Subject::Deliver(&self.audience).to_string();
        let mut next = last + 1;
        while next < until {
            match stream.direct_get_next_for_subject(subject.clone(), Some(next)).await {
                Ok(message) if message.sequence < until => {
                    next = message.sequence + 1;
                    found.extend(read(Some(&message.headers), message.payload, None));
                }
                Ok(_) => break,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => break,
                Err(error) => {
                    tracing::warn!(%error, audience = %self.audience, "a gap could not be read");
                    break;
                }
            }
        }
        metrics::counter!("gateway_gap_deliveries_total").increment(found.len() as u64);
        found
    }
}

/// A message as it came, not yet put in its place.
pub struct Arrival(async_nats::Message);

fn read(received: Option<&HeaderMap>, payload: Bytes, stored_at: Option<&str>) -> Option<Delivery> {
    Some(Delivery {
        event: headers::text(received, headers::EVENT)?.to_owned(),
        payload,
        seq: headers::parsed(received, headers::SEQ),
        except: headers::parsed(received, headers::EXCEPT).map(UserId),
        stored_at: stored_at.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()),
        trace: headers::trace(received),
    })
}
