//! The spans of a batch.

use sinaesta_contracts::Service;
use tracing::Span;

use super::in_flight::InFlight;
use crate::headers;

/// One transaction serves many commands: its span is a part of the first one's trace. Each of the others has a span of
/// its own, so that its trace goes on, with a link to where its work was done.
pub(super) struct Spans {
    pub(super) batch: Span,
    others: Vec<Span>,
}

impl Spans {
    pub(super) fn none() -> Self {
        Self { batch: Span::none(), others: Vec::new() }
    }

    pub(super) fn begin(service: Service, command: &'static str, batch: &[InFlight]) -> Self {
        if !sinaesta_telemetry::is_tracing() {
            return Self::none();
        }
        let of_all = span(service, command, batch.len());
        headers::continue_all(&of_all, batch.iter().map(|one| one.message.headers.as_ref()));
        let here = sinaesta_telemetry::TraceContext::of(&of_all);
        let own = |one: &InFlight| {
            let own = span(service, command, 1);
            headers::trace(one.message.headers.as_ref()).adopt(&own);
            here.link(&own);
            own
        };
        Self { batch: of_all, others: batch.iter().skip(1).map(own).collect() }
    }

    /// The span of the command at a place.
    pub(super) fn of(&self, place: usize) -> &Span {
        place.checked_sub(1).and_then(|place| self.others.get(place)).unwrap_or(&self.batch)
    }
}

fn span(service: Service, command: &'static str, count: usize) -> Span {
    sinaesta_telemetry::span!(
        "command.process",
        consumer,
        messaging.system = "nats",
        messaging.operation.type = "process",
        messaging.destination.name = %format_args!("{service}.{command}"),
        messaging.batch.message_count = count,
    )
}
