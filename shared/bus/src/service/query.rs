//! Answering queries, by the NATS service API: any replica answers.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use async_nats::service::{Request, ServiceExt as _};
use bytes::Bytes;
use futures::StreamExt as _;
use metrics::{counter, histogram};
use sinaesta_contracts::{Envelope, ErrorBody, Query, Subject, code};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::conclude::too_large;
use crate::answer::AnswerBody;
use crate::{Answer, Bus, BusError, Failure, QueryHandler, headers};

/// What the headers of an answer need at the most, in bytes.
const AROUND: usize = 1024;
/// How long one may take whose asker does not say how long it waits.
const UNSAID: Duration = Duration::from_secs(10);

/// Answers queries of one kind, at most `concurrent` of them side by side.
pub(super) async fn serve<H: QueryHandler>(
    bus: Bus,
    handler: H,
    concurrent: usize,
    shutdown: CancellationToken,
) -> Result<(), BusError> {
    let failed = |error: async_nats::Error| BusError::Subscribe(error.to_string());
    let service = bus
        .client()
        .service_builder()
        .queue_group(H::Query::SERVICE.as_str())
        .start(H::Query::NAME, env!("CARGO_PKG_VERSION"))
        .await
        .map_err(failed)?;
    let requests = service
        .endpoint_builder()
        .name(H::Query::NAME)
        .add(Subject::Query(H::Query::SERVICE, H::Query::NAME).to_string())
        .await
        .map_err(failed)?;
    tokio::spawn(async move {
        // What has come already is answered; nothing more comes.
        let stop = async {
            shutdown.cancelled().await;
            drop(service.stop().await);
        };
        let handler = Arc::new(handler);
        let serve = requests.for_each_concurrent(concurrent, |request| {
            let (bus, handler) = (bus.clone(), Arc::clone(&handler));
            async move { respond(&bus, &*handler, request).await }
        });
        tokio::join!(stop, serve);
    });
    Ok(())
}

async fn respond<H: QueryHandler>(bus: &Bus, handler: &H, request: Request) {
    let Some(payload) = answer_in_time(bus, handler, &request.message).await else { return };
    if let Err(error) = request.respond(Ok(payload)).await {
        tracing::warn!(%error, query = H::Query::NAME, "an answer could not be sent");
    }
}

/// The answer, unless nobody waits for it any more.
async fn answer_in_time<H: QueryHandler>(bus: &Bus, handler: &H, message: &Message) -> Option<Bytes> {
    let deadline: Option<i128> = headers::parsed(message.headers.as_ref(), headers::DEADLINE);
    let left = deadline.map_or(UNSAID, |deadline| {
        let left = deadline - headers::milliseconds(bus.clock().now());
        Duration::from_millis(u64::try_from(left).unwrap_or_default()).min(UNSAID)
    });
    let answered = timeout(left, answer(handler, message));
    let body = if left.is_zero() { None } else { answered.await.ok() };
    let Some(body) = body else {
        tracing::debug!(query = H::Query::NAME, "a query is dropped: nobody waits for its answer any more");
        counter!("bus_queries_dropped_total", "query" => H::Query::NAME).increment(1);
        return None;
    };
    let payload = serde_json::to_vec(&AnswerBody::from(body)).map(Bytes::from).unwrap_or_default();
    if payload.len() <= bus.client().max_payload().saturating_sub(AROUND) {
        return Some(payload);
    }
    let bytes = payload.len();
    tracing::error!(query = H::Query::NAME, bytes, "an answer is too large for the broker and is not sent");
    counter!("bus_dropped_total", "kind" => "answer").increment(1);
    serde_json::to_vec(&AnswerBody::from(Err(too_large()))).map(Bytes::from).ok()
}

async fn answer<H: QueryHandler>(handler: &H, message: &Message) -> Answer {
    let started = Instant::now();
    let envelope: Envelope<H::Query> = serde_json::from_slice(&message.payload)
        .map_err(|error| ErrorBody::new(code::INVALID_PAYLOAD, error.to_string()))?;
    let span = sinaesta_telemetry::span!(
        "query.process",
        server,
        messaging.system = "nats",
        messaging.destination.name = message.subject.as_str(),
    );
    headers::trace(message.headers.as_ref()).adopt(&span);
    let result = handler.handle(envelope.actor, envelope.body).instrument(span).await;
    histogram!("bus_query_seconds", "query" => H::Query::NAME).record(started.elapsed());
    match result {
        Ok(Ok(reply)) => {
            serde_json::value::to_raw_value(&reply).map(Into::into).map_err(|error| crate::bus::internal(&error))
        }
        Ok(Err(refused)) => Err(refused),
        Err(Failure::Retry(reason) | Failure::Away(_, reason)) => {
            tracing::warn!(query = H::Query::NAME, reason, "a query could not be answered now");
            Err(ErrorBody::new(code::UNAVAILABLE, "The service can't do this right now; try again"))
        }
        Err(Failure::Reject(reason)) => Err(crate::bus::internal(&reason)),
    }
}
