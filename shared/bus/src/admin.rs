//! What operators see of the broker, and do with it: streams and what waits in them, who owns which partition, dead letters.

use async_nats::jetstream;
use async_nats::jetstream::consumer;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use sinaesta_contracts::{Partition, Service, Stream, Subject};
use sinaesta_telemetry::TraceContext;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::publish::Publishing;
use crate::service::ConsumerName;
use crate::{Bus, BusError, headers, streams};

/// How much a stream holds.
#[derive(Debug, Clone)]
pub struct StreamState {
    pub name: String,
    pub messages: u64,
    pub bytes: u64,
    /// The most bytes it may hold.
    pub max_bytes: i64,
    pub consumers: usize,
    /// Since when it exists: what was before it was lost.
    pub created: OffsetDateTime,
}

/// Who works on a partition of a service's commands.
#[derive(Debug, Clone)]
pub struct Owner {
    pub service: Service,
    pub partition: Partition,
    /// The replica; `None` if nobody owns it.
    pub replica: Option<Uuid>,
    /// Commands that wait.
    pub waiting: u64,
    /// Commands that are worked on.
    pub taken: usize,
}

/// A service that hears an event.
#[derive(Debug, Clone)]
pub struct Hearing {
    pub consumer: String,
    /// Events that wait.
    pub waiting: u64,
    /// Events that are worked on.
    pub taken: usize,
    /// Events that were given out more than once.
    pub redelivered: usize,
}

/// Something that could not be handled.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Its number in the stream.
    pub sequence: u64,
    pub at: OffsetDateTime,
    pub service: String,
    /// Where it was published.
    pub subject: String,
    pub reason: String,
    pub payload: Bytes,
    /// The id under which it was published, and its partition key.
    id: String,
    key: Option<String>,
}

/// The broker as an operator sees it.
pub struct Admin(Bus);

impl Admin {
    /// With the rights of the connection's user.
    pub const fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// The streams, as they are.
    pub async fn streams(&self) -> Result<Vec<StreamState>, BusError> {
        let mut states = Vec::new();
        for stream in Stream::all() {
            let info = self.stream(stream).await?.cached_info().clone();
            states.push(StreamState {
                name: info.config.name,
                messages: info.state.messages,
                bytes: info.state.bytes,
                max_bytes: info.config.max_bytes,
                consumers: info.state.consumer_count,
                created: info.created,
            });
        }
        Ok(states)
    }

    /// Sets the streams up as this version wants them.
    pub async fn apply_streams(&self, replicas: usize) -> Result<(), BusError> {
        streams::apply(self.0.jetstream(), replicas).await
    }

    /// The partitions of every service, and who owns them.
    pub async fn partitions(&self) -> Result<Vec<Owner>, BusError> {
        let mut owners = Vec::new();
        for service in Service::HANDLERS {
            let stream = Stream::Commands(service);
            let waiting = self.waiting(service).await?;
            let mut consumers = self.consumers(stream).await?;
            for partition in Partition::all() {
                let is_of = |info: &consumer::Info| {
                    ConsumerName::parse(&info.name).is_some_and(|name| name.partition == partition)
                };
                let owned = consumers.iter().position(is_of).map(|at| consumers.swap_remove(at));
                let taken = owned.as_ref().map_or(0, |info| info.num_ack_pending);
                let replica = owned.and_then(|info| ConsumerName::parse(&info.name)).map(|name| name.replica);
                let waiting = waiting.get(usize::from(partition.0)).copied().unwrap_or_default();
                owners.push(Owner { service, partition, replica, waiting, taken });
            }
        }
        Ok(owners)
    }

    /// How many commands each partition of a service holds.
    async fn waiting(&self, service: Service) -> Result<Vec<u64>, BusError> {
        let stream = self.stream(Stream::Commands(service)).await?;
        let mut counts = Vec::new();
        for partition in Partition::all() {
            let filter = Subject::CommandPartition(service, partition).to_string();
            let mut subjects = stream.info_with_subjects(filter).await.map_err(|error| failed(&error))?;
            let mut count = 0;
            while let Some((_, held)) = subjects.try_next().await.map_err(|error| failed(&error))? {
                count += held as u64;
            }
            counts.push(count);
        }
        Ok(counts)
    }

    /// The services that hear events.
    pub async fn hearings(&self) -> Result<Vec<Hearing>, BusError> {
        let consumers = self.consumers(Stream::Events).await?;
        let durable = consumers.into_iter().filter(|info| info.config.durable_name.is_some());
        let hearing = |info: consumer::Info| Hearing {
            consumer: info.name,
            waiting: info.num_pending,
            taken: info.num_ack_pending,
            redelivered: info.num_redelivered,
        };
        Ok(durable.map(hearing).collect())
    }

    /// The dead letters, oldest first; of one service only, if given.
    pub async fn dead_letters(&self, service: Option<Service>) -> Result<Vec<DeadLetter>, BusError> {
        let stream = self.stream(Stream::DeadLetters).await?;
        let state = stream.cached_info().state.clone();
        let mut letters = Vec::new();
        // A stream that was never used has neither a first nor a last.
        let mut next = state.first_sequence.max(1);
        while next <= state.last_sequence {
            match stream.get_raw_message(next).await {
                Ok(message) => letters.extend(letter(&message)),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
                Err(error) => return Err(failed(&error)),
            }
            next += 1;
        }
        letters.retain(|letter: &DeadLetter| service.is_none_or(|service| letter.service == service.as_str()));
        Ok(letters)
    }

    /// Publishes a dead letter once more where it was published first, and removes it from the dead letters. Whoever waited for
    /// its answer waits no more.
    pub async fn resend(&self, letter: &DeadLetter) -> Result<(), BusError> {
        // It has the id that it had, so that what was done of it is found done; but the broker is to take it again.
        let id = format!("{}#resent-{}", letter.id.split('#').next().unwrap_or_default(), letter.sequence);
        let mut sent = headers::with_message_id(&id, &TraceContext::default());
        if let Some(key) = &letter.key {
            sent.insert(headers::KEY, key.as_str());
        }
        Publishing::start(&self.0, letter.subject.clone(), sent, letter.payload.clone()).await.finish(&self.0).await;
        self.remove(letter).await
    }

    /// Removes a dead letter.
    pub async fn remove(&self, letter: &DeadLetter) -> Result<(), BusError> {
        let stream = self.stream(Stream::DeadLetters).await?;
        stream.delete_message(letter.sequence).await.map(|_| ()).map_err(|error| failed(&error))
    }

    async fn stream(&self, stream: Stream) -> Result<jetstream::stream::Stream, BusError> {
        self.0.jetstream().get_stream(stream.to_string()).await.map_err(|error| failed(&error))
    }

    async fn consumers(&self, stream: Stream) -> Result<Vec<consumer::Info>, BusError> {
        let stream = self.stream(stream).await?;
        stream.consumers().map(|info| info.map_err(|error| failed(&error))).try_collect().await
    }
}

fn letter(message: &jetstream::message::StreamMessage) -> Option<DeadLetter> {
    let said = |name: &str| headers::text(Some(&message.headers), name).map(str::to_owned);
    Some(DeadLetter {
        sequence: message.sequence,
        at: message.time,
        service: message.subject.strip_prefix("dead.")?.to_owned(),
        subject: said(headers::SUBJECT).unwrap_or_default(),
        reason: said(headers::REASON).unwrap_or_default(),
        payload: message.payload.clone(),
        id: said(headers::ORIGINAL_ID).unwrap_or_default(),
        key: said(headers::KEY),
    })
}

fn failed(error: &dyn std::fmt::Display) -> BusError {
    BusError::Admin(error.to_string())
}
