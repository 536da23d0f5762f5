//! Taking events: each service hears of every event at least once, whichever replica takes it.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{AckPolicy, pull::Config};
use futures::StreamExt as _;
use metrics::counter;
use sinaesta_contracts::{Event, Service, Subject};
use sinaesta_telemetry::TraceContext;
use tokio_util::sync::CancellationToken;

use crate::publish::Publishing;
use crate::{Bus, BusError, EVENTS, EventHandler, Failure, headers};

const CONCURRENT: usize = 32;
/// An event whose taker died is given to another after this long.
const ACK_WAIT: Duration = Duration::from_secs(30);
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
        max_ack_pending: 1_000,
        ..Config::default()
    };
    let made = bus.jetstream().create_consumer_on_stream(config, EVENTS).await;
    let consumer = made.map_err(|error| BusError::Stream { name: name.clone(), reason: error.to_string() })?;
    tokio::spawn(async move {
        let (handler, bus) = (&handler, &bus);
        while !shutdown.is_cancelled() {
            // A stream of messages ends with an error when the broker restarts; the consumer is durable, so it goes on.
            match consumer.messages().await {
                Ok(messages) => {
                    let until_error = messages.take_while(|message| std::future::ready(message.is_ok()));
                    until_error
                        .filter_map(async |message| message.ok())
                        .take_until(shutdown.cancelled())
                        .for_each_concurrent(CONCURRENT, |message| take(bus, service, handler, message))
                        .await;
                }
                Err(error) => tracing::warn!(%error, consumer = name, "no events for now"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    Ok(())
}

async fn take<H: EventHandler>(bus: &Bus, service: Service, handler: &H, message: async_nats::jetstream::Message) {
    let id = headers::text(message.headers.as_ref(), headers::MESSAGE_ID).unwrap_or_default().to_owned();
    let outcome = match serde_json::from_slice(&message.payload) {
        Ok(event) => handler.handle(&id, event).await,
        Err(error) => Err(Failure::Reject(error.to_string())),
    };
    let trace = headers::trace(message.headers.as_ref());
    let kind = match outcome {
        Ok(outbound) => {
            for (index, one) in outbound.iter().enumerate() {
                one.start(bus, &format!("{service}.{id}"), index, &trace).await.finish(bus).await;
            }
            AckKind::Ack
        }
        Err(Failure::Retry(reason)) => {
            let attempt = message.info().map_or(1, |info| info.delivered);
            let pause = Duration::from_millis(100 << attempt.clamp(0, 10)).min(LONGEST_PAUSE);
            tracing::warn!(reason, attempt, event = H::Event::NAME, "an event is to be taken again");
            AckKind::Nak(Some(pause))
        }
        Err(Failure::Reject(reason)) => {
            tracing::error!(reason, event = H::Event::NAME, "dead letter");
            counter!("bus_dead_letters_total", "service" => service.as_str()).increment(1);
            let mut sent = headers::with_message_id(&format!("dead.{service}.{id}"), &TraceContext::default());
            sent.insert(headers::REASON, reason.replace(['\r', '\n'], " "));
            sent.insert(headers::SUBJECT, message.subject.as_str());
            let to = Subject::DeadLetter(service).to_string();
            Publishing::start(bus, to, sent, message.payload.clone()).await.finish(bus).await;
            AckKind::Term
        }
    };
    if let Err(error) = message.ack_with(kind).await {
        tracing::warn!(%error, "an event could not be acknowledged");
    }
}
