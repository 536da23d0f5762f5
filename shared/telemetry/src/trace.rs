//! Traces over OTLP, and how a trace goes on in another process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span as Span_, SpanData, SpanProcessor,
};
use sinaesta_settings::TelemetrySettings;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Spans waiting to be sent; at full sampling under load the SDK's default of 2,048 dropped some.
const QUEUE: usize = 32_768;

/// Whether anything receives traces. Where nothing does, spans are not even made.
pub fn is_tracing() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

pub(crate) fn provider(
    service: &'static str,
    settings: &TelemetrySettings,
) -> anyhow::Result<Option<SdkTracerProvider>> {
    if settings.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&settings.otlp_endpoint)
        .with_timeout(Duration::from_secs(5))
        .build()
        .context("telemetry.otlp_endpoint")?;
    let batches = BatchSpanProcessor::builder(exporter)
        .with_batch_config(BatchConfigBuilder::default().with_max_queue_size(QUEUE).build())
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    let resource = Resource::builder().with_service_name(service).build();
    ENABLED.store(true, Ordering::Relaxed);
    Ok(Some(
        SdkTracerProvider::builder()
            .with_span_processor(Named(service))
            .with_span_processor(batches)
            .with_sampler(sampler)
            .with_resource(resource)
            .build(),
    ))
}

/// Writes the service's name on each span: some stores keep spans without the resource that says it.
#[derive(Debug)]
struct Named(&'static str);

impl SpanProcessor for Named {
    fn on_start(&self, span: &mut Span_, _: &Context) {
        span.set_attribute(KeyValue::new("service.name", self.0));
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    // What a span is, not where in our source it was made.
    tracing_opentelemetry::layer()
        .with_threads(false)
        .with_location(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_tracer(provider.tracer("sinaesta"))
}

/// A span with a stable, dotted name and its kind (`client`, `server`, `producer`, `consumer` or `internal`), and further fields.
/// Where nothing is traced none is made.
#[macro_export]
macro_rules! span {
    ($name:literal, $kind:ident $(, $($fields:tt)*)?) => {
        if $crate::is_tracing() {
            $crate::tracing::info_span!($name, otel.kind = stringify!($kind), $($($fields)*)?)
        } else {
            $crate::tracing::Span::none()
        }
    };
}

/// The place in a trace, as the W3C headers `traceparent` and `tracestate` say it.
#[derive(Debug, Clone, Default)]
pub struct TraceContext(Vec<(String, String)>);

impl TraceContext {
    /// Where the current span stands; empty where nothing is traced.
    pub fn current() -> Self {
        Self::of(&Span::current())
    }

    /// Where a span stands; empty where nothing is traced.
    pub fn of(span: &Span) -> Self {
        let mut context = Self::default();
        if is_tracing() {
            TraceContextPropagator::new().inject_context(&span.context(), &mut context);
        }
        context
    }

    /// The headers to send along.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A context from received headers.
    pub fn received<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> Self {
        Self(
            headers
                .filter(|(name, _)| matches!(*name, "traceparent" | "tracestate"))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// Makes `span` a child of this place.
    pub fn adopt(&self, span: &Span) {
        if !self.0.is_empty() && !span.is_none() {
            // A span that is filtered out can't have a parent; there is nothing to continue then.
            let _ = span.set_parent(TraceContextPropagator::new().extract(self));
        }
    }

    /// Links `span` to this place: for work done once for many.
    pub fn link(&self, span: &Span) {
        if !self.0.is_empty() {
            let context = TraceContextPropagator::new().extract(self);
            span.add_link(context.span().span_context().clone());
        }
    }
}

impl Injector for TraceContext {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.push((key.to_owned(), value));
        }
    }
}

impl Extractor for TraceContext {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}
