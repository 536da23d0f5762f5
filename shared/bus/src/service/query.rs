//! Answering queries, by the NATS service API: any replica answers.

use async_nats::service::ServiceExt as _;
use futures::StreamExt as _;
use metrics::histogram;
use sinaesta_contracts::{Envelope, ErrorBody, Query, Subject, code};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::conclude::too_large;
use crate::answer::AnswerBody;
use crate::{Answer, Bus, BusError, Failure, QueryHandler, headers};

/// What the headers of an answer need at the most, in bytes.
const AROUND: usize = 1024;
/// How many queries of one kind a replica works on at a time.
const CONCURRENT: usize = 64;

pub(super) async fn serve<H: QueryHandler>(bus: Bus, handler: H, shutdown: CancellationToken) -> Result<(), BusError> {
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
        let handler = &handler;
        let until = shutdown.cancelled();
        requests
            .take_until(until)
            .for_each_concurrent(CONCURRENT, async |request| {
                let body = AnswerBody::from(answer(handler, &request.message).await);
                let mut payload = serde_json::to_vec(&body).map(bytes::Bytes::from).unwrap_or_default();
                if payload.len() > bus.client().max_payload().saturating_sub(AROUND) {
                    let bytes = payload.len();
                    tracing::error!(
                        query = H::Query::NAME,
                        bytes,
                        "an answer is too large for the broker and is not sent"
                    );
                    metrics::counter!("bus_dropped_total", "kind" => "answer").increment(1);
                    let refused = AnswerBody::from(Err(too_large()));
                    payload = serde_json::to_vec(&refused).map(bytes::Bytes::from).unwrap_or_default();
                }
                if let Err(error) = request.respond(Ok(payload)).await {
                    tracing::warn!(%error, "a query could not be answered");
                }
            })
            .await;
        drop(service.stop().await);
    });
    Ok(())
}

async fn answer<H: QueryHandler>(handler: &H, message: &async_nats::Message) -> Answer {
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
