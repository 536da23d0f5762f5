//! Logs, traces and metrics, and the small HTTP server that shows whether a service is well.

mod health;
mod sql;
mod trace;

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry_sdk::trace::SdkTracerProvider;
use sinaesta_settings::{LogFormat, TelemetrySettings};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

#[doc(hidden)]
pub use tracing;

pub use health::{Readiness, Unready, cancel_on_signal, listen, probe, router, serve, serve_on};
pub use trace::{TraceContext, is_tracing};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Upper bounds, in seconds, of the buckets of every `…_seconds` metric.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// Upper bounds of the buckets of every `…_size` metric.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Hands over what has not been sent when the program ends.
#[must_use = "traces are flushed when this is dropped"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Sets up logs, metrics and, where an endpoint is set, traces. Once per process, within a tokio runtime.
pub fn init(service: &'static str, settings: &TelemetrySettings) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&settings.log_filter).context("telemetry.log_filter")?;
    let json = match settings.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let format = if json { format.json().flatten_event(true).boxed() } else { format.compact().boxed() };
    let provider = trace::provider(service, settings)?;
    // Our own spans only: those of the libraries that carry the traces would be traced in turn.
    let ours = Targets::new().with_target("sinaesta", Level::INFO);
    let traces = provider.as_ref().map(|provider| trace::layer(provider).with_filter(ours));
    let statements = provider.as_ref().map(|provider| sql::Statements::new(provider).with_filter(sql::filter()));
    tracing_subscriber::registry().with(traces).with(statements).with(format.with_filter(filter)).init();
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".into()), SIZES)?
        .install_recorder()
        .context("metrics")?;
    METRICS.set(handle).ok();
    Ok(Telemetry(provider))
}
