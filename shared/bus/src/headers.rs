//! Header names, and how a trace crosses the broker.

use async_nats::HeaderMap;
use sinaesta_telemetry::TraceContext;
use uuid::Uuid;

/// By which the broker drops repeats.
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Where the answer to a command goes.
pub(crate) const REPLY: &str = "Sinaesta-Reply";
/// A command's partition key: commands with different keys may be taken out of order.
pub(crate) const KEY: &str = "Sinaesta-Key";
/// The Socket.IO event that a delivery is emitted as.
pub(crate) const EVENT: &str = "Sinaesta-Event";
/// A room message's `seq`.
pub(crate) const SEQ: &str = "Sinaesta-Seq";
/// The user whose sockets a delivery passes over.
pub(crate) const EXCEPT: &str = "Sinaesta-Except";
/// How long the asker of a query waits, in milliseconds. Counted from its arrival, so that no clock of one machine is compared
/// with that of another.
pub(crate) const TIMEOUT: &str = "Sinaesta-Timeout";
/// Why something is a dead letter.
pub(crate) const REASON: &str = "Sinaesta-Reason";
/// What a dead letter was.
pub(crate) const SUBJECT: &str = "Sinaesta-Subject";
/// Under which id a dead letter was published.
pub(crate) const ORIGINAL_ID: &str = "Sinaesta-Id";
/// Set by the broker on what it republishes.
pub(crate) const SEQUENCE: &str = "Nats-Sequence";
pub(crate) const LAST_SEQUENCE: &str = "Nats-Last-Sequence";
pub(crate) const TIME_STAMP: &str = "Nats-Time-Stamp";

pub(crate) fn with_message_id(id: &str, trace: &TraceContext) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID, id);
    add_trace(&mut headers, trace);
    headers
}

/// The message id of the `attempt`-th sending of a command. From the second on the broker is to deliver it again:
/// its answer got lost, so the service must say once more what came of it.
pub(crate) fn attempt_id(command: Uuid, attempt: u32) -> String {
    if attempt == 0 { command.to_string() } else { format!("{command}#{attempt}") }
}

/// The command that a message carries, whichever attempt it is.
pub(crate) fn command_id(headers: Option<&HeaderMap>) -> Option<Uuid> {
    let id = text(headers, MESSAGE_ID)?;
    id.split('#').next()?.parse().ok()
}

pub(crate) fn add_trace(headers: &mut HeaderMap, trace: &TraceContext) {
    for (name, value) in trace.headers() {
        headers.insert(name, value);
    }
}

pub(crate) fn text<'h>(headers: Option<&'h HeaderMap>, name: &str) -> Option<&'h str> {
    headers.and_then(|headers| headers.get(name)).map(|value| value.as_str())
}

pub(crate) fn parsed<T: std::str::FromStr>(headers: Option<&HeaderMap>, name: &str) -> Option<T> {
    text(headers, name).and_then(|value| value.parse().ok())
}

/// Makes a span that serves several messages a part of the first one's trace, and links it to the others'.
pub(crate) fn continue_all<'h>(span: &tracing::Span, messages: impl Iterator<Item = Option<&'h HeaderMap>>) {
    if span.is_none() {
        return;
    }
    let mut traces = messages.map(trace);
    if let Some(first) = traces.next() {
        first.adopt(span);
    }
    traces.for_each(|trace| trace.link(span));
}

pub(crate) fn trace(headers: Option<&HeaderMap>) -> TraceContext {
    if !sinaesta_telemetry::is_tracing() {
        return TraceContext::default();
    }
    let pairs = ["traceparent", "tracestate"].into_iter().filter_map(|name| Some((name, text(headers, name)?)));
    TraceContext::received(pairs)
}
