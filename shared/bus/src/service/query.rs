//! Answering queries, by the NATS service API: any replica answers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Request, ServiceExt as _};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{FutureExt as _, StreamExt as _};
use metrics::{counter, histogram};
use sinaesta_contracts::{Envelope, ErrorBody, Query, Subject, code};
use sinaesta_mutants::mutant;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::conclude::too_large;
use crate::answer::AnswerBody;
use crate::{Answer, Bus, BusError, Failure, QueryHandler, headers};

/// What the headers of an answer need at the most, in bytes.
const AROUND: usize = 1024;
/// How many queries of one kind may wait in a replica.
const WAITING: usize = 1_024;
/// How long one may take whose asker does not say how long it waits.
const UNSAID: Duration = Duration::from_secs(10);

/// Answers queries of one kind, at most `concurrent` of them side by side.
pub(super) async fn serve<H: QueryHandler>(
    bus: Bus,
    handler: H,
    concurrent: usize,
    shutdown: CancellationToken,
) -> Result<JoinHandle<()>, BusError> {
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
    Ok(tokio::spawn(async move {
        // What has come already is answered; nothing more comes.
        let stop = async {
            shutdown.cancelled().await;
            drop(service.stop().await);
        };
        let handler = Arc::new(handler);
        let (arrived, waiting) = mpsc::channel(WAITING);
        let serve = waiting.for_each_concurrent(concurrent, |(request, at)| {
            let (bus, handler) = (bus.clone(), Arc::clone(&handler));
            async move { respond(&bus, &*handler, request, at).await }
        });
        tokio::join!(stop, take(requests, arrived), serve);
    }))
}

/// Notes when each query arrives; one that finds too many before it is answered at once.
async fn take(mut requests: Endpoint, mut arrived: mpsc::Sender<(Request, Instant)>) {
    while let Some(request) = requests.next().await {
        let Err(full) = arrived.try_send((request, Instant::now())) else { continue };
        let (request, _) = full.into_inner();
        let busy = ErrorBody::new(code::BUSY, "The service is busy; try again");
        let payload = serde_json::to_vec(&AnswerBody::from(Err(busy))).map(Bytes::from).unwrap_or_default();
        if let Err(error) = request.respond(Ok(payload)).await {
            tracing::warn!(%error, "a query could not be refused");
        }
    }
}

async fn respond<H: QueryHandler>(bus: &Bus, handler: &H, request: Request, arrived: Instant) {
    let Some(payload) = answer_in_time(bus, handler, &request.message, arrived).await else { return };
    if let Err(error) = request.respond(Ok(payload)).await {
        tracing::warn!(%error, query = H::Query::NAME, "an answer could not be sent");
    }
}

/// The answer, unless nobody waits for it any more.
async fn answer_in_time<H: QueryHandler>(bus: &Bus, handler: &H, message: &Message, arrived: Instant) -> Option<Bytes> {
    let waits: Option<u64> = headers::parsed(message.headers.as_ref(), headers::TIMEOUT);
    let waits = waits.map_or(UNSAID, |waits| Duration::from_millis(waits).min(UNSAID));
    let left = mutant!("bus-query-worked-on-for-nobody", UNSAID, waits.saturating_sub(arrived.elapsed()));
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
    let envelope: Envelope<H::Query> = serde_json::from_slice(&message.payload).map_err(|error| {
        // The gateway has read it: this is one of another release.
        tracing::warn!(%error, query = H::Query::NAME, "query refused: it can't be read");
        ErrorBody::new(code::INVALID_PAYLOAD, "The request can't be read")
    })?;
    let span = sinaesta_telemetry::span!(
        "query.process",
        server,
        messaging.system = "nats",
        messaging.destination.name = message.subject.as_str(),
    );
    headers::trace(message.headers.as_ref()).adopt(&span);
    let handling = AssertUnwindSafe(handler.handle(envelope.actor, envelope.body)).catch_unwind().instrument(span);
    let result = handling.await.unwrap_or_else(|_| {
        counter!("bus_panics_total").increment(1);
        Err(Failure::Reject("the handler panicked".to_owned()))
    });
    histogram!("bus_query_seconds", "query" => H::Query::NAME).record(started.elapsed());
    match result {
        Ok(Ok(reply)) => {
            serde_json::value::to_raw_value(&reply).map(Into::into).map_err(|error| crate::bus::internal(&error))
        }
        Ok(Err(refused)) => Err(refused),
        Err(Failure::Retry(reason) | Failure::Held(reason) | Failure::Away(_, reason)) => {
            tracing::warn!(query = H::Query::NAME, reason, "a query could not be answered now");
            Err(ErrorBody::new(code::UNAVAILABLE, "The service can't do this right now; try again"))
        }
        Err(Failure::Reject(reason)) => Err(crate::bus::internal(&reason)),
    }
}
