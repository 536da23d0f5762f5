//! Taking events: each service hears of every event at least once, whichever replica takes it.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull::Config};
use async_nats::jetstream::{AckKind, Message};
use futures::future::join_all;
use futures::stream::StreamExt as _;
use metrics::{counter, gauge, histogram};
use sinaesta_contracts::{Event, Service, Stream, Subject, consumer_name};
use sinaesta_telemetry::TraceContext;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::publish::Publishing;
use crate::{Bus, BusError, EventHandler, Failure, Heard, Outbound, headers};

/// The most events that one batch takes.
const MAX_BATCH: usize = 500;
/// An event whose taker died, or takes longer than this, is given to another: applying it twice does no harm.
const ACK_WAIT: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long one request for messages stands, and how often the broker says that it still does.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(200);
/// How often the events that wait are counted.
const COUNT: Duration = Duration::from_secs(2);

pub(super) async fn serve<H: EventHandler>(
    bus: Bus,
    service: Service,
    handler: H,
    shutdown: CancellationToken,
) -> Result<(), BusError> {
    let name = consumer_name::<H::Event>(service);
    let mut consumer = make::<H::Event>(&bus, &name).await?;
    tokio::spawn(count_waiting::<H::Event>(bus.clone(), service, name.clone(), shutdown.clone()));
    let mut reconnects = bus.reconnects();
    reconnects.mark_unchanged();
    tokio::spawn(async move {
        let taker = Taker { bus: bus.clone(), service, handler };
        loop {
            tokio::select! {
                () = taker.take_from(&consumer) => {}
                Ok(()) = reconnects.changed() => {}
                () = shutdown.cancelled() => return,
            }
            // The broker was away, and may be back without the consumer.
            tokio::time::sleep(PAUSE).await;
            match make::<H::Event>(&bus, &name).await {
                Ok(made) => consumer = made,
                Err(error) => tracing::warn!(%error, consumer = name, "no events for now"),
            }
        }
    });
    Ok(())
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
    handler: H,
}

impl<H: EventHandler> Taker<H> {
    /// Takes whatever waits, until the broker ends it.
    async fn take_from(&self, consumer: &PullConsumer) {
        let pull = consumer.stream().max_messages_per_batch(MAX_BATCH).expires(PULL).heartbeat(HEARTBEAT);
        match pull.messages().await {
            Ok(messages) => {
                let until_error = messages.take_while(|message| std::future::ready(message.is_ok()));
                // Batches form by themselves.
                let batches = until_error.filter_map(async |message| message.ok()).ready_chunks(MAX_BATCH);
                batches.for_each(|batch| self.take(batch)).await;
            }
            Err(error) => tracing::warn!(%error, event = H::Event::NAME, "no events for now"),
        }
    }

    async fn take(&self, messages: Vec<Message>) {
        let (mut good, mut heard) = (Vec::with_capacity(messages.len()), Vec::with_capacity(messages.len()));
        for message in messages {
            match read(&message) {
                Ok(one) => {
                    heard.push(one);
                    good.push(message);
                }
                Err(reason) => self.bury(message, &reason).await,
            }
        }
        histogram!("bus_event_batch_size", "event" => H::Event::NAME).record(heard.len() as f64);
        super::count_redeliveries(self.service, good.iter());
        let span = self.span(&good);
        match (self.handler.handle(&heard).instrument(span.clone()).await, good.as_slice()) {
            (Ok(outbound), _) => self.done(&good, &heard, outbound, &span).await,
            (Err(failure), [_]) => self.failed(good, failure).await,
            // One of them is at fault; the others go on.
            (Err(_), _) => {
                for (message, one) in good.into_iter().zip(&heard) {
                    let span = self.span(std::slice::from_ref(&message));
                    match self.handler.handle(std::slice::from_ref(one)).instrument(span.clone()).await {
                        Ok(outbound) => self.done(&[message], std::slice::from_ref(one), outbound, &span).await,
                        Err(failure) => self.failed(vec![message], failure).await,
                    }
                }
            }
        }
    }

    /// It continues the first event's trace and is linked to the others'.
    fn span(&self, messages: &[Message]) -> Span {
        let span = sinaesta_telemetry::span!(
            "event.process",
            consumer,
            messaging.system = "nats",
            messaging.operation.type = "process",
            messaging.destination.name = %Subject::Event(H::Event::DOMAIN, H::Event::NAME),
            messaging.batch.message_count = messages.len(),
        );
        headers::continue_all(&span, messages.iter().map(|message| message.headers.as_ref()));
        span
    }

    /// Publishes what came of a batch, named after its events, so that another batch that begins alike has another name;
    /// and acknowledges it.
    async fn done(&self, messages: &[Message], heard: &[Heard<H::Event>], outbound: Vec<Outbound>, span: &Span) {
        let (Some(first), Some(last)) = (heard.first(), heard.last()) else { return };
        let trace = TraceContext::of(span);
        let cause = format!("{}.{}.{}.{}", self.service, first.id, heard.len(), last.id);
        for (index, one) in outbound.iter().enumerate() {
            one.start(&self.bus, &cause, index, &trace).await.finish(&self.bus).await;
        }
        join_all(messages.iter().map(|message| acknowledge(message, AckKind::Ack))).await;
    }

    async fn failed(&self, messages: Vec<Message>, failure: Failure) {
        for message in messages {
            match &failure {
                Failure::Retry(reason) => {
                    let attempt = message.info().map_or(1, |info| info.delivered);
                    let pause = Duration::from_millis(100 << attempt.clamp(0, 10)).min(LONGEST_PAUSE);
                    tracing::warn!(reason, attempt, event = H::Event::NAME, "an event is to be taken again");
                    acknowledge(&message, AckKind::Nak(Some(pause))).await;
                }
                Failure::Reject(reason) => self.bury(message, reason).await,
            }
        }
    }

    async fn bury(&self, message: Message, reason: &str) {
        let id = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default();
        let service = self.service;
        tracing::error!(reason, event = H::Event::NAME, "dead letter");
        counter!("bus_dead_letters_total", "service" => service.as_str()).increment(1);
        let mut sent = headers::with_message_id(&format!("dead.{service}.{id}"), &TraceContext::default());
        sent.insert(headers::REASON, reason.replace(['\r', '\n'], " "));
        sent.insert(headers::SUBJECT, message.subject.as_str());
        sent.insert(headers::ORIGINAL_ID, id);
        let to = Subject::DeadLetter(service).to_string();
        Publishing::start(&self.bus, to, sent, message.payload.clone()).await.finish(&self.bus).await;
        acknowledge(&message, AckKind::Term).await;
    }
}

fn read<E: Event>(message: &Message) -> Result<Heard<E>, String> {
    let id = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default().to_owned();
    let event = serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
    let stamped_at = message.info().map_err(|error| error.to_string())?.published;
    Ok(Heard { id, stamped_at, event })
}

async fn acknowledge(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::warn!(%error, "an event could not be acknowledged");
    }
}
