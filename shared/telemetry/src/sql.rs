//! SQL statements as spans: sqlx tells of each after it has run.

use std::fmt;
use std::time::Duration;

use opentelemetry::trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Where sqlx tells of them.
const TARGET: &str = "sqlx::query";

/// What the layer has to hear.
pub(crate) fn filter() -> Targets {
    Targets::new().with_target(TARGET, Level::DEBUG)
}

/// Makes a `db.query` span of each statement that is run within a span.
pub(crate) struct Statements(SdkTracer);

impl Statements {
    pub(crate) fn new(provider: &SdkTracerProvider) -> Self {
        Self(provider.tracer("sinaesta"))
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let parent = Span::current();
        if parent.is_none() {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        let end = opentelemetry::time::now();
        let mut attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.summary", statement.summary.clone()),
        ];
        attributes.extend(statement.rows.map(|rows| KeyValue::new("db.response.returned_rows", rows as i64)));
        let context: Context = parent.context();
        let builder = self
            .0
            .span_builder("db.query")
            .with_kind(SpanKind::Client)
            .with_start_time(end.checked_sub(statement.took).unwrap_or(end))
            .with_attributes(attributes);
        self.0.build_with_context(builder, &context).end_with_timestamp(end);
    }
}

#[derive(Default)]
struct Statement {
    summary: String,
    rows: Option<u64>,
    took: Duration,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            value.clone_into(&mut self.summary);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = Some(value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.took = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
