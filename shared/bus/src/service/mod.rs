//! Running a service: its partitions' commands, its queries, its events.

mod command;
mod conclude;
mod dead_letter;
mod event;
mod in_flight;
mod lease;
mod query;
mod queue;
mod replicas;
mod round;
mod spans;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::Message;
use futures::future::BoxFuture;
use metrics::counter;
use sinaesta_contracts::{Command, Query, Service};
use sinaesta_settings::BusSettings;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempts::AttemptLog;
use crate::waiting::Dependency;
use crate::{Bus, BusError, CommandHandler, EventHandler, Failure, QueryHandler};
use command::{ErasedHandler, Typed};
pub(crate) use lease::ConsumerName;
use lease::Leases;
use round::Runner;
use worker::Worker;

/// So long a handler is believed that says the broker or the database is away, which we find there.
const BELIEVED: Duration = Duration::from_secs(60);
/// How long finishing what was begun may take when a service stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Counts what comes again: its taker died, was too slow, or its acknowledgement got lost.
fn count_redeliveries<'m>(service: Service, messages: impl Iterator<Item = &'m Message>) {
    let again = messages.filter(|message| message.info().is_ok_and(|info| info.delivered > 1)).count();
    if again > 0 {
        counter!("bus_redeliveries_total", "service" => service.as_str()).increment(again as u64);
    }
}

/// What is away that all need, if that is why something failed that `began` to be tried at a moment. It is asked, not guessed
/// from the error: a command that breaks its own connection is no reason to wait.
async fn missing(
    bus: &Bus,
    attempts: &dyn AttemptLog,
    failure: &Failure,
    began: Instant,
) -> Option<(Dependency, String)> {
    if let Err(reason) = attempts.check().await {
        return Some((Dependency::Database, reason.to_string()));
    }
    if let Err(reason) = bus.check().await {
        return Some((Dependency::Broker, reason));
    }
    let Failure::Away(on, reason) = failure else { return None };
    (began.elapsed() < BELIEVED).then(|| (*on, reason.clone()))
}

type Starter = Box<dyn FnOnce(Bus, CancellationToken) -> BoxFuture<'static, Result<JoinHandle<()>, BusError>> + Send>;

/// A service in the making: name its handlers, then run it.
pub struct ServiceBuilder {
    bus: Bus,
    service: Service,
    settings: BusSettings,
    attempts: Arc<dyn AttemptLog>,
    commands: HashMap<&'static str, Arc<dyn ErasedHandler>>,
    others: Vec<Starter>,
}

impl ServiceBuilder {
    /// A service without handlers, which remembers in `attempts` what failed.
    pub fn new(bus: Bus, service: Service, settings: &BusSettings, attempts: Arc<dyn AttemptLog>) -> Self {
        let settings = settings.clone();
        Self { bus, service, settings, attempts, commands: HashMap::new(), others: Vec::new() }
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
        let concurrent = self.settings.concurrent_queries;
        self.others.push(Box::new(move |bus, shutdown| Box::pin(query::serve(bus, handler, concurrent, shutdown))));
        self
    }

    /// Takes events of one kind.
    #[must_use]
    pub fn event<H: EventHandler>(mut self, handler: H) -> Self {
        let (service, attempts) = (self.service, Arc::clone(&self.attempts));
        let start = move |bus, shutdown| event::serve(bus, service, attempts, handler, shutdown);
        self.others.push(Box::new(move |bus, shutdown| Box::pin(start(bus, shutdown))));
        self
    }

    /// Runs until `shutdown`, then finishes what has begun: what was taken is applied, published and acknowledged,
    /// and the partitions are handed over.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BusError> {
        // Shown from the beginning: a count that begins to exist when something goes wrong shows no change.
        let counted = [
            "bus_dead_letters_total",
            "bus_isolations_total",
            "bus_redeliveries_total",
            "bus_retries_total",
            "bus_unclean_takeovers_total",
        ];
        for name in counted {
            counter!(name, "service" => self.service.as_str()).increment(0);
        }
        counter!("bus_panics_total").increment(0);
        for kind in ["answer", "delivery", "refused"] {
            counter!("bus_dropped_total", "kind" => kind).increment(0);
        }
        for on in [Dependency::Broker, Dependency::Database] {
            self.bus.waiting().measure(on);
        }
        let tasks = TaskTracker::new();
        for start in self.others {
            let (bus, shutdown) = (self.bus.clone(), shutdown.clone());
            // Subscribing is waited for, so that a service that runs is a service that answers.
            let running = start(bus, shutdown).await?;
            tasks.spawn(async move {
                if let Err(error) = running.await {
                    tracing::error!(%error, "something of the service ended that should not");
                }
            });
        }
        let handlers = Arc::new(self.commands);
        let mut lanes = Vec::new();
        for _ in 0..self.settings.workers {
            let (sender, receiver) = mpsc::channel(self.settings.max_batch * 4);
            let (handlers, attempts) = (Arc::clone(&handlers), Arc::clone(&self.attempts));
            let runner = Runner::new(self.bus.clone(), self.service, handlers, attempts, self.settings.max_batch);
            tasks.spawn(Worker::new(runner).run(receiver));
            lanes.push(sender);
        }
        let lease = Duration::from_millis(self.settings.lease_ms);
        // The lanes end with the leases: their workers stop when everything taken is done.
        let (bus, most) = (self.bus.clone(), self.settings.max_batch);
        Leases::new(bus, self.service, self.attempts, lease, most, lanes).run(shutdown).await?;
        tasks.close();
        if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
            tracing::warn!("not everything could be finished; the next owner of the partitions will");
        }
        self.bus.flush().await;
        Ok(())
    }
}
