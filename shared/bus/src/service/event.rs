//! Taking events: each service hears of every event at least once, whichever replica takes it.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull::Config};
use async_nats::jetstream::{AckKind, Message};
use futures::future::join_all;
use futures::stream::StreamExt as _;
use metrics::{counter, histogram};
use sinaesta_contracts::{Event, Service, Subject};
use sinaesta_telemetry::TraceContext;
use tokio_util::sync::CancellationToken;

use crate::publish::Publishing;
use crate::{Bus, BusError, EVENTS, EventHandler, Failure, Heard, Outbound, headers};

/// The most events that one batch takes.
const MAX_BATCH: usize = 500;
/// An event whose taker died, or takes longer than this, is given to another: applying it twice does no harm.
const ACK_WAIT: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn serve<H: EventHandler>(
    bus: Bus,
    service: Service,
    handler: H,
    shutdown: CancellationToken,
) -> Result<(), BusError> {
    let name = format!("{service}-{}-{}", H::Event::DOMAIN, H::Event::NAME);
    let config = Config {
        durable_name: Some(name.clone()),
        filter_subject: Subject::Event(H::Event::DOMAIN, H::Event::NAME).to_string(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: 4 * MAX_BATCH as i64,
        ..Config::default()
    };
    let made = bus.jetstream().create_consumer_on_stream(config, EVENTS).await;
    let consumer = made.map_err(|error| BusError::Stream { name: name.clone(), reason: error.to_string() })?;
    tokio::spawn(async move {
        let taker = Taker { bus, service, handler };
        while !shutdown.is_cancelled() {
            // A stream of messages ends with an error when the broker restarts; the consumer is durable, so it goes on.
            match consumer.stream().max_messages_per_batch(MAX_BATCH).messages().await {
                Ok(messages) => {
                    let until_error = messages.take_while(|message| std::future::ready(message.is_ok()));
                    // Batches form by themselves: whatever waits.
                    until_error
                        .filter_map(async |message| message.ok())
                        .take_until(shutdown.cancelled())
                        .ready_chunks(MAX_BATCH)
                        .for_each(|batch| taker.take(batch))
                        .await;
                }
                Err(error) => tracing::warn!(%error, consumer = name, "no events for now"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    Ok(())
}

struct Taker<H> {
    bus: Bus,
    service: Service,
    handler: H,
}

impl<H: EventHandler> Taker<H> {
    async fn take(&self, messages: Vec<Message>) {
        let (mut good, mut heard) = (Vec::with_capacity(messages.len()), Vec::with_capacity(messages.len()));
        for message in messages {
            match serde_json::from_slice(&message.payload) {
                Ok(event) => {
                    let id = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default();
                    heard.push(Heard { id: id.to_owned(), event });
                    good.push(message);
                }
                Err(error) => self.bury(message, &error.to_string()).await,
            }
        }
        histogram!("bus_event_batch_size", "event" => H::Event::NAME).record(heard.len() as f64);
        match (self.handler.handle(&heard).await, good.as_slice()) {
            (Ok(outbound), _) => self.done(&good, &heard, outbound).await,
            (Err(failure), [_]) => self.failed(good, failure).await,
            // One of them is at fault; the others go on.
            (Err(_), _) => {
                for (message, one) in good.into_iter().zip(&heard) {
                    match self.handler.handle(std::slice::from_ref(one)).await {
                        Ok(outbound) => self.done(&[message], std::slice::from_ref(one), outbound).await,
                        Err(failure) => self.failed(vec![message], failure).await,
                    }
                }
            }
        }
    }

    /// Publishes what came of a batch, named after its events, so that another batch that begins alike has another name;
    /// and acknowledges it.
    async fn done(&self, messages: &[Message], heard: &[Heard<H::Event>], outbound: Vec<Outbound>) {
        let (Some(first), Some(last)) = (heard.first(), heard.last()) else { return };
        let trace = messages.first().map(|message| headers::trace(message.headers.as_ref())).unwrap_or_default();
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
        let to = Subject::DeadLetter(service).to_string();
        Publishing::start(&self.bus, to, sent, message.payload.clone()).await.finish(&self.bus).await;
        acknowledge(&message, AckKind::Term).await;
    }
}

async fn acknowledge(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::warn!(%error, "an event could not be acknowledged");
    }
}
