//! Spans and metrics of deliveries: the trace, the latency, how many sockets received it.

use std::time::Duration;

use sinaesta_bus::Delivery;
use sinaesta_clock::Clock;
use tracing::Span;
use tracing::field::Empty;

/// The end of a delivery's way from the broker: it continues the trace of the command that led to it.
pub(super) fn span(delivery: &Delivery) -> Span {
    let span = sinaesta_telemetry::span!(
        "gateway.deliver",
        consumer,
        messaging.system = "nats",
        messaging.operation.type = "process",
        event = delivery.event,
    );
    delivery.trace.adopt(&span);
    span
}

/// Emits within spans of the delivery, and counts; `emit` gives how many sockets received it.
pub(super) fn emitting(delivery: &Delivery, clock: &Clock, emit: impl FnOnce() -> u64) {
    let emitted = span(delivery).in_scope(|| {
        let span = sinaesta_telemetry::span!("socket.emit", internal, event = delivery.event, sockets = Empty);
        let emitted = span.in_scope(emit);
        span.record("sockets", emitted);
        emitted
    });
    if let Some(stored_at) = delivery.stored_at {
        let latency = Duration::try_from(clock.now() - stored_at).unwrap_or_default();
        metrics::histogram!("gateway_delivery_seconds", "event" => delivery.event.clone()).record(latency);
    }
    metrics::counter!("gateway_emits_total", "event" => delivery.event.clone()).increment(emitted);
}
