//! Running a service: its partitions' commands, its queries, its events.

mod command;
mod event;
mod lease;
mod query;
mod replicas;
mod spans;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use futures::future::BoxFuture;
use metrics::counter;
use sinaesta_contracts::{Command, Query, Service};
use sinaesta_settings::BusSettings;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Bus, BusError, CommandHandler, EventHandler, QueryHandler};
use command::{ErasedHandler, Typed};
pub(crate) use lease::ConsumerName;
use lease::Leases;
use worker::Worker;

/// How long finishing what was begun may take when a service stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Counts what comes again: its taker died, was too slow, or its acknowledgement got lost.
fn count_redeliveries<'m>(service: Service, messages: impl Iterator<Item = &'m Message>) {
    let again = messages.filter(|message| message.info().is_ok_and(|info| info.delivered > 1)).count();
    if again > 0 {
        counter!("bus_redeliveries_total", "service" => service.as_str()).increment(again as u64);
    }
}

type Starter = Box<dyn FnOnce(Bus, CancellationToken) -> BoxFuture<'static, Result<(), BusError>> + Send>;

/// A service in the making: name its handlers, then run it.
pub struct ServiceBuilder {
    bus: Bus,
    service: Service,
    settings: BusSettings,
    commands: HashMap<&'static str, Arc<dyn ErasedHandler>>,
    others: Vec<Starter>,
}

impl ServiceBuilder {
    /// A service without handlers.
    pub fn new(bus: Bus, service: Service, settings: &BusSettings) -> Self {
        Self { bus, service, settings: settings.clone(), commands: HashMap::new(), others: Vec::new() }
    }

    /// Handles commands of one kind.
    #[must_use]
    pub fn command<H: CommandHandler>(mut self, handler: H) -> Self {
        debug_assert_eq!(H::Command::SERVICE, self.service, "a command is handled by the service that owns it");
        self.commands.insert(H::Command::NAME, Arc::new(Typed(handler)));
        self
    }

    /// Answers queries of one kind.
    #[must_use]
    pub fn query<H: QueryHandler>(mut self, handler: H) -> Self {
        debug_assert_eq!(H::Query::SERVICE, self.service, "a query is answered by the service that owns it");
        self.others.push(Box::new(move |bus, shutdown| Box::pin(query::serve(bus, handler, shutdown))));
        self
    }

    /// Takes events of one kind.
    #[must_use]
    pub fn event<H: EventHandler>(mut self, handler: H) -> Self {
        let service = self.service;
        self.others.push(Box::new(move |bus, shutdown| Box::pin(event::serve(bus, service, handler, shutdown))));
        self
    }

    /// Runs until `shutdown`, then finishes what has begun: what was taken is applied, published and acknowledged,
    /// and the partitions are handed over.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BusError> {
        // Shown from the beginning: a count that begins to exist when something goes wrong shows no change.
        for name in ["bus_dead_letters_total", "bus_retries_total", "bus_redeliveries_total"] {
            counter!(name, "service" => self.service.as_str()).increment(0);
        }
        let tasks = TaskTracker::new();
        for start in self.others {
            let (bus, shutdown) = (self.bus.clone(), shutdown.clone());
            // Subscribing is waited for, so that a service that runs is a service that answers.
            start(bus, shutdown).await?;
        }
        let handlers = Arc::new(self.commands);
        let mut lanes = Vec::new();
        for _ in 0..self.settings.workers {
            let (sender, receiver) = mpsc::channel(self.settings.max_batch * 4);
            let worker = Worker::new(self.bus.clone(), self.service, Arc::clone(&handlers), self.settings.max_batch);
            tasks.spawn(worker.run(receiver));
            lanes.push(sender);
        }
        let lease = Duration::from_millis(self.settings.lease_ms);
        // The lanes end with the leases: their workers stop when everything taken is done.
        Leases::new(self.bus.clone(), self.service, lease, self.settings.max_batch, lanes).run(shutdown).await?;
        tasks.close();
        if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
            tracing::warn!("not everything could be finished; the next owner of the partitions will");
        }
        self.bus.flush().await;
        Ok(())
    }
}
