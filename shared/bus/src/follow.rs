//! Following events: each replica hears of every event from a moment on, beside what its service takes.

use std::marker::PhantomData;
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use futures::StreamExt as _;
use sinaesta_contracts::{Event, Stream, Subject};
use sinaesta_mutants::mutant;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Bus, BusError};

const PAUSE: Duration = Duration::from_millis(200);

/// What a follower hears.
#[derive(Debug)]
pub enum Followed<E> {
    /// The next event.
    Event(E),
    /// Something may have been missed: what was built from the events is to be held against what they were made from.
    Gap,
}

/// Hears the events of one kind, in the order of the stream.
pub struct Follower<E> {
    bus: Bus,
    messages: Option<Ordered>,
    reconnects: watch::Receiver<u64>,
    kind: PhantomData<E>,
}

impl Bus {
    /// Begins to follow the events of a kind: those that are stored from now on.
    pub async fn follow<E: Event>(&self) -> Result<Follower<E>, BusError> {
        // A reconnect while subscribing is one as well.
        let mut reconnects = self.reconnects();
        reconnects.mark_unchanged();
        let messages = subscribe::<E>(self).await?;
        Ok(Follower { bus: self.clone(), messages: Some(messages), reconnects, kind: PhantomData })
    }
}

impl<E: Event> Follower<E> {
    /// The next one; may be dropped at any moment.
    pub async fn next(&mut self) -> Followed<E> {
        loop {
            let Some(messages) = &mut self.messages else {
                match subscribe::<E>(&self.bus).await {
                    Ok(messages) => {
                        self.messages = Some(messages);
                        mutant!("bus-follower-not-told-of-a-gap", continue);
                        return Followed::Gap;
                    }
                    Err(error) => {
                        tracing::warn!(%error, event = E::NAME, "events can't be followed for now");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                }
            };
            let message = tokio::select! {
                message = messages.next() => message,
                // The broker was away, and may be back without what it had.
                Ok(()) = self.reconnects.changed() => None,
            };
            match message {
                Some(Ok(message)) => match serde_json::from_slice(&message.payload) {
                    Ok(event) => return Followed::Event(event),
                    Err(error) => tracing::error!(%error, event = E::NAME, "an event can't be read"),
                },
                Some(Err(error)) => {
                    tracing::debug!(%error, event = E::NAME, "events are followed anew");
                    self.messages = None;
                }
                None => self.messages = None,
            }
        }
    }
}

async fn subscribe<E: Event>(bus: &Bus) -> Result<Ordered, BusError> {
    let failed = |reason: String| BusError::Stream { name: Stream::Events.to_string(), reason };
    let config = OrderedConfig {
        name: Some(format!("follower-{}", Uuid::now_v7().simple())),
        filter_subject: Subject::Event(E::DOMAIN, E::NAME).to_string(),
        deliver_policy: DeliverPolicy::New,
        ..OrderedConfig::default()
    };
    let stream =
        bus.jetstream().get_stream(Stream::Events.to_string()).await.map_err(|error| failed(error.to_string()))?;
    let consumer = stream.create_consumer(config).await.map_err(|error| failed(error.to_string()))?;
    consumer.messages().await.map_err(|error| failed(error.to_string()))
}
