//! Taking events: each service hears of every event at least once, whichever replica takes it.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull::Config};
use async_nats::jetstream::{AckKind, Message};
use futures::FutureExt as _;
use futures::future::join_all;
use futures::stream::StreamExt as _;
use metrics::{counter, gauge, histogram};
use parking_lot::Mutex;
use sinaesta_contracts::{Event, Service, Stream, Subject, consumer_name};
use sinaesta_mutants::mutant;
use sinaesta_telemetry::TraceContext;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::dead_letter::{self, Letter};
use super::round::smaller;
use crate::attempts::{AttemptLog, MOST_BEGUN, MOST_FAILURES, Run};
use crate::waiting::Backoff;
use crate::{Bus, BusError, EventHandler, Failure, Heard, Outbound, headers};

/// The most events that one batch takes.
const MAX_BATCH: usize = 500;
/// An event whose taker has not been heard of for so long is given to another: applying it twice does no harm.
const ACK_WAIT: Duration = Duration::from_secs(3);
/// How often the broker hears that an event is still being handled.
const PROGRESS: Duration = Duration::from_secs(1);
/// Between two tries while something that all need is away.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Before an event that failed alone is tried again: after the first failure, and at the most.
const FIRST_PUT_OFF: Duration = Duration::from_millis(200);
const LONGEST_PUT_OFF: Duration = Duration::from_secs(30);
/// How long a batch may take to come to an end when the service stops.
const LEAVING: Duration = Duration::from_secs(2);
/// How long one request for messages stands, and how often the broker says that it still does.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(200);
/// How often the events that wait are counted.
const COUNT: Duration = Duration::from_secs(2);

pub(super) async fn serve<H: EventHandler>(
    bus: Bus,
    service: Service,
    attempts: Arc<dyn AttemptLog>,
    handler: H,
    shutdown: CancellationToken,
) -> Result<JoinHandle<()>, BusError> {
    let name = consumer_name::<H::Event>(service);
    let mut consumer = make::<H::Event>(&bus, &name).await?;
    tokio::spawn(count_waiting::<H::Event>(bus.clone(), service, name.clone(), shutdown.clone()));
    let mut reconnects = bus.reconnects();
    reconnects.mark_unchanged();
    Ok(tokio::spawn(async move {
        let open = Mutex::default();
        let taker = Taker { bus: bus.clone(), service, attempts, handler, consumer: name.clone(), shutdown, open };
        loop {
            taker.take_from(&consumer, &mut reconnects).await;
            // The broker was away, and may be back without the consumer.
            if taker.shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
            match make::<H::Event>(&bus, &name).await {
                Ok(made) => consumer = made,
                Err(error) => tracing::warn!(%error, consumer = name, "no events for now"),
            }
        }
    }))
}

/// The service's consumer of an event; the one that is there, if there is one.
async fn make<E: Event>(bus: &Bus, name: &str) -> Result<PullConsumer, BusError> {
    let config = Config {
        durable_name: Some(name.to_owned()),
        filter_subject: Subject::Event(E::DOMAIN, E::NAME).to_string(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: 4 * MAX_BATCH as i64,
        ..Config::default()
    };
    let made = bus.jetstream().create_consumer_on_stream(config, Stream::Events.to_string()).await;
    made.map_err(|error| BusError::Stream { name: name.to_owned(), reason: error.to_string() })
}

/// Tells how many events the service has before it.
async fn count_waiting<E: Event>(bus: Bus, service: Service, name: String, shutdown: CancellationToken) {
    let mut count = interval(COUNT);
    loop {
        tokio::select! {
            _ = count.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let found = bus.jetstream().get_consumer_from_stream::<Config, _, _>(&name, Stream::Events.to_string()).await;
        if let Ok(consumer) = found {
            let info = consumer.cached_info();
            let waiting = info.num_pending + info.num_ack_pending as u64;
            gauge!("bus_events_waiting", "service" => service.as_str(), "event" => E::NAME).set(waiting as f64);
        }
    }
}

struct Taker<H> {
    bus: Bus,
    service: Service,
    attempts: Arc<dyn AttemptLog>,
    handler: H,
    consumer: String,
    shutdown: CancellationToken,
    /// What is taken and has no outcome yet, by its place in the stream.
    open: Mutex<BTreeMap<u64, Message>>,
}

/// Events, and the messages that brought them, place by place.
struct Batch<E> {
    messages: Vec<Message>,
    heard: Vec<Heard<E>>,
}

impl<E> Batch<E> {
    const fn new() -> Self {
        Self { messages: Vec::new(), heard: Vec::new() }
    }

    fn len(&self) -> usize {
        self.messages.len()
    }

    fn push(&mut self, message: Message, heard: Heard<E>) {
        self.messages.push(message);
        self.heard.push(heard);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self { messages: self.messages.split_off(at), heard: self.heard.split_off(at) }
    }

    /// Each alone.
    fn one_by_one(self) -> impl Iterator<Item = Self> {
        let alone = |(message, heard)| Self { messages: vec![message], heard: vec![heard] };
        self.messages.into_iter().zip(self.heard).map(alone)
    }
}

impl<H: EventHandler> Taker<H> {
    /// Takes whatever waits, until the broker ends it, or the service ends. A batch that is begun is finished.
    async fn take_from(&self, consumer: &PullConsumer, reconnects: &mut watch::Receiver<u64>) {
        let pull = consumer.stream().max_messages_per_batch(MAX_BATCH).expires(PULL).heartbeat(HEARTBEAT);
        match pull.messages().await {
            Ok(messages) => {
                let until_error = messages.take_while(|message| std::future::ready(message.is_ok()));
                // Batches form by themselves.
                let mut batches = pin!(until_error.filter_map(async |message| message.ok()).ready_chunks(MAX_BATCH));
                loop {
                    let batch = tokio::select! {
                        biased;
                        () = self.shutdown.cancelled() => return,
                        Ok(()) = reconnects.changed() => return,
                        Some(batch) = batches.next() => batch,
                        else => return,
                    };
                    self.finish(batch).await;
                }
            }
            Err(error) => tracing::warn!(%error, event = H::Event::NAME, "no events for now"),
        }
    }

    /// Handles a batch. At an orderly stop it has a moment to come to an end; what has not is another replica's to take, and
    /// was none of these events' doing.
    async fn finish(&self, batch: Vec<Message>) {
        let names: Vec<_> =
            batch.iter().filter_map(|message| Some(self.log_name(&read::<H::Event>(message).ok()?))).collect();
        let sequence = |message: &Message| message.info().map(|info| info.stream_sequence).unwrap_or_default();
        *self.open.lock() = batch.iter().map(|message| (sequence(message), message.clone())).collect();
        let stopped = async {
            self.shutdown.cancelled().await;
            tokio::time::sleep(LEAVING).await;
        };
        tokio::select! {
            () = self.while_held(self.take(batch)) => {}
            () = stopped => self.ended(&names).await,
        }
    }

    async fn take(&self, messages: Vec<Message>) {
        super::count_redeliveries(self.service, messages.iter());
        let (mut first, mut again) = (Batch::new(), Batch::new());
        for message in messages {
            match read(&message) {
                Ok(heard) => {
                    let is_again = message.info().is_ok_and(|info| info.delivered > 1);
                    let batch = if is_again { &mut again } else { &mut first };
                    batch.push(message, heard);
                }
                Err(reason) => self.dead_letter(message, &reason).await,
            }
        }
        if first.len() > 0 {
            self.run(first).await;
        }
        if again.len() > 0 {
            self.run_with_care(again).await;
        }
    }

    /// Runs a batch; taken apart until what is at fault stands alone.
    async fn run(&self, batch: Batch<H::Event>) {
        let mut parts = VecDeque::from([batch]);
        while let Some(mut part) = parts.pop_front() {
            let span = self.span(&part);
            match self.apply(&part).instrument(span.clone()).await {
                Ok(outbound) => self.done(&part, outbound, &span).await,
                Err(_) if mutant!("bus-event-acknowledged-though-it-failed") => self.done(&part, vec![], &span).await,
                Err(_) if part.len() > 1 => {
                    counter!("bus_isolations_total", "service" => self.service.as_str()).increment(1);
                    let most = smaller(part.len());
                    while part.len() > 0 {
                        let rest = part.split_off(most.min(part.len()));
                        parts.push_back(part);
                        part = rest;
                    }
                }
                Err(failure) => self.failed_alone(part, failure).await,
            }
        }
    }

    /// Whoever took these before may have ended because of one of them.
    async fn run_with_care(&self, batch: Batch<H::Event>) {
        let names: Vec<_> = batch.heard.iter().map(|heard| self.log_name(heard)).collect();
        let Ok(begun) = self.attempts.begin(&names, Run::Together).await else {
            // They come again when the database is back.
            return;
        };
        if begun.iter().all(|before| before.together == 0 && before.alone == 0) {
            self.run(batch).await;
            return self.ended(&names).await;
        }
        for (one, name) in batch.one_by_one().zip(names) {
            // Nothing else that may have ended a process is run meanwhile, so that none is blamed for another.
            let _permit = self.bus.alone().await;
            let Ok(begun) = self.attempts.begin(std::slice::from_ref(&name), Run::Alone).await else { return };
            let before = begun.first().copied().unwrap_or_default().alone;
            if before < MOST_BEGUN {
                self.run(one).await;
                self.ended(&[name]).await;
            } else {
                let reason = format!("the process ended {before} times while this was handled");
                self.dead_letter_all(one, &reason).await;
                self.forget(&[name]).await;
            }
        }
    }

    /// Tries for as long as something that all need is away.
    async fn apply(&self, batch: &Batch<H::Event>) -> Result<Vec<Outbound>, Failure> {
        histogram!("bus_event_batch_size", "event" => H::Event::NAME).record(batch.len() as f64);
        let (began, mut backoff, mut waits) = (Instant::now(), Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), None);
        loop {
            // A handler that panics has met something it can't handle; its connection returns to the pool clean.
            let failure = match AssertUnwindSafe(self.handler.handle(&batch.heard)).catch_unwind().await {
                Ok(Ok(outbound)) => return Ok(outbound),
                Ok(Err(failure @ Failure::Reject(_))) => return Err(failure),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    counter!("bus_panics_total").increment(1);
                    return Err(Failure::Reject("the handler panicked".to_owned()));
                }
            };
            counter!("bus_retries_total", "service" => self.service.as_str()).increment(1);
            let Some((on, reason)) = super::missing(&self.bus, &*self.attempts, &failure, began).await else {
                return Err(failure);
            };
            if waits.is_none() {
                let who = format!("{} events {} of {}", batch.len(), H::Event::NAME, self.service);
                waits = Some(self.bus.waiting().begin(who, on, reason));
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// It continues the first event's trace and is linked to the others'.
    fn span(&self, batch: &Batch<H::Event>) -> Span {
        let span = sinaesta_telemetry::span!(
            "event.process",
            consumer,
            messaging.system = "nats",
            messaging.operation.type = "process",
            messaging.destination.name = %Subject::Event(H::Event::DOMAIN, H::Event::NAME),
            messaging.batch.message_count = batch.len(),
        );
        headers::continue_all(&span, batch.messages.iter().map(|message| message.headers.as_ref()));
        span
    }

    /// Publishes what came of a batch, named after its events, so that another batch that begins alike has another name;
    /// and acknowledges it.
    async fn done(&self, batch: &Batch<H::Event>, mut outbound: Vec<Outbound>, span: &Span) {
        let (Some(first), Some(last)) = (batch.heard.first(), batch.heard.last()) else { return };
        let trace = TraceContext::of(span);
        let cause = format!("{}.{}.{}.{}", self.service, first.id, batch.len(), last.id);
        mutant!("bus-event-tells-in-reverse", outbound.reverse());
        for (index, one) in outbound.iter().enumerate() {
            one.start(&self.bus, &cause, index, &trace).await.finish(&self.bus).await;
        }
        join_all(batch.messages.iter().map(|message| self.acknowledge(message, AckKind::Ack))).await;
    }

    /// An event failed alone while others could succeed: it is put off, or ends as a dead letter.
    async fn failed_alone(&self, one: Batch<H::Event>, failure: Failure) {
        let (Some(message), Some(heard)) = (one.messages.first(), one.heard.first()) else { return };
        let name = self.log_name(heard);
        // Another that holds what it needs has minutes to let go of it.
        let is_held = matches!(failure, Failure::Held(_));
        let reason = match failure {
            Failure::Reject(reason) => reason,
            Failure::Retry(reason) | Failure::Held(reason) | Failure::Away(_, reason) => {
                // Where the count can't be kept nothing is counted: the next try meets a database that is away, and waits.
                let failures = self.attempts.count_failure(&name).await.unwrap_or_default();
                mutant!("bus-failed-event-is-dropped", return self.acknowledge(message, AckKind::Term).await);
                if failures < MOST_FAILURES {
                    let pause = if is_held {
                        LONGEST_PUT_OFF
                    } else {
                        FIRST_PUT_OFF * 4_u32.saturating_pow(failures.saturating_sub(1))
                    };
                    let (event, event_id) = (H::Event::NAME, &heard.id);
                    tracing::warn!(event, event_id, failures, reason, "an event failed alone and is tried again");
                    return self.acknowledge(message, AckKind::Nak(Some(pause.min(LONGEST_PUT_OFF)))).await;
                }
                format!("failed {failures} times alone: {reason}")
            }
        };
        self.dead_letter_all(one, &reason).await;
        self.forget(&[name]).await;
    }

    async fn dead_letter_all(&self, batch: Batch<H::Event>, reason: &str) {
        for message in batch.messages {
            self.dead_letter(message, reason).await;
        }
    }

    async fn dead_letter(&self, message: Message, reason: &str) {
        let original = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default();
        let id = format!("dead.{}.{original}", self.consumer);
        let letter = Letter { id, reason, service: self.service };
        dead_letter::publish(&self.bus, letter, &message).await.finish(&self.bus).await;
        self.acknowledge(&message, AckKind::Term).await;
    }

    /// An event's name in the attempt log.
    fn log_name(&self, heard: &Heard<H::Event>) -> String {
        format!("{}.{}", self.consumer, heard.id)
    }

    /// Lets the broker know all the while that what is open is being handled, so that it gives it to nobody else.
    async fn while_held<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut tick = interval(PROGRESS);
        tick.tick().await;
        loop {
            tokio::select! {
                biased;
                output = &mut work => return output,
                _ = tick.tick() => {
                    let open: Vec<_> = self.open.lock().values().cloned().collect();
                    join_all(open.iter().map(|message| send(message, AckKind::Progress))).await;
                }
            }
        }
    }

    /// Says what became of an event.
    async fn acknowledge(&self, message: &Message, kind: AckKind) {
        if let Ok(info) = message.info() {
            self.open.lock().remove(&info.stream_sequence);
        }
        send(message, kind).await;
    }

    async fn ended(&self, names: &[String]) {
        if let Err(error) = self.attempts.end(names).await {
            tracing::debug!(%error, "marks of what has ended stay until they are swept");
        }
    }

    async fn forget(&self, names: &[String]) {
        if let Err(error) = self.attempts.forget(names).await {
            tracing::debug!(%error, "a count of tries stays until it is swept");
        }
    }
}

fn read<E: Event>(message: &Message) -> Result<Heard<E>, String> {
    let id = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default().to_owned();
    let event = serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
    let stamped_at = message.info().map_err(|error| error.to_string())?.published;
    Ok(Heard { id, stamped_at, event })
}

async fn send(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::warn!(%error, "an event could not be acknowledged");
    }
}
