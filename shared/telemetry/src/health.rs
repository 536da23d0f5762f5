//! `/healthz` (the process runs), `/readyz` (it can do its work), `/status` (what it waits for) and `/metrics` (Prometheus
//! text).

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::METRICS;

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), Unready>> + Send>> + Send + Sync>;
type Describe = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Why a service can't do its work. `/readyz` may be open to the public: what a dependency says, which may name hosts and
/// users, is for the log alone.
#[derive(Debug, PartialEq, Eq)]
pub struct Unready {
    shown: &'static str,
    cause: Option<String>,
}

impl Unready {
    /// For a reason of the service's own.
    pub const fn new(shown: &'static str) -> Self {
        Self { shown, cause: None }
    }

    /// For a reason that a dependency gave.
    pub fn because(shown: &'static str, cause: &impl ToString) -> Self {
        Self { shown, cause: Some(cause.to_string()) }
    }
}

/// Asks whether a service can do its work: by a round trip to what it needs, not by a remembered flag.
#[derive(Clone)]
pub struct Readiness {
    check: Check,
    status: Option<Describe>,
}

impl Readiness {
    /// Ready when `check` says so.
    pub fn new<F, Fut>(check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Unready>> + Send + 'static,
    {
        Self { check: Arc::new(move || Box::pin(check())), status: None }
    }

    /// With details for operators: shown at `/status`, and what is amiss there at `/readyz`, where it makes nothing unready.
    #[must_use]
    pub fn with_status(self, describe: impl Fn() -> serde_json::Value + Send + Sync + 'static) -> Self {
        Self { status: Some(Arc::new(describe)), ..self }
    }
}

/// The difference from the broker's clock from which on it is named, in seconds.
const CLOCK_TOLERANCE: f64 = 1.0;

/// What operators should know of although the service is ready.
fn remarks(status: &serde_json::Value) -> String {
    let ahead = status.get("clockAheadOfBrokerSeconds").and_then(serde_json::Value::as_f64);
    let clock = ahead.filter(|ahead| ahead.abs() > CLOCK_TOLERANCE);
    let clock = clock.map(|ahead| format!("this machine's clock is {ahead:.1} s ahead of the broker's\n"));
    let waiting = status.get("waiting").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
    let waiting = (waiting > 0).then(|| format!("{waiting} wait for a dependency: see /status\n"));
    [clock, waiting].into_iter().flatten().collect()
}

/// The routes.
pub fn router(readiness: Readiness) -> Router {
    let Readiness { check, status } = readiness;
    let describe = status.clone();
    let was_ready = Arc::new(AtomicBool::new(true));
    let ready = move || {
        let (check, describe, was_ready) = (Arc::clone(&check), describe.clone(), Arc::clone(&was_ready));
        async move {
            let remarks = describe.map(|describe| remarks(&describe())).unwrap_or_default();
            let answer = check().await;
            let had_been = was_ready.swap(answer.is_ok(), Ordering::Relaxed);
            match answer {
                Ok(()) => (StatusCode::OK, format!("ready\n{remarks}")),
                Err(Unready { shown, cause }) => {
                    if had_been {
                        tracing::warn!(cause, "not ready: {shown}");
                    }
                    (StatusCode::SERVICE_UNAVAILABLE, format!("{shown}\n{remarks}"))
                }
            }
        }
    };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    match status {
        Some(describe) => router.route("/status", get(move || std::future::ready(axum::Json(describe())))),
        None => router,
    }
}

async fn metrics() -> impl IntoResponse {
    let text = METRICS.get().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default())
}

/// Opens the port that the routes are served on.
pub async fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind((host, port)).await;
    bound.with_context(|| format!("port {port} of {host} can't be opened: choose another"))
}

/// Serves the routes until `shutdown`.
pub async fn serve(host: String, port: u16, readiness: Readiness, shutdown: CancellationToken) -> anyhow::Result<()> {
    let listener = listen(&host, port).await.inspect_err(|error| {
        // Without it nobody can see whether the service is well: it does not run then.
        tracing::error!("{error:#}");
        shutdown.cancel();
    })?;
    serve_on(listener, readiness, shutdown).await
}

/// The same, on a port that is open already.
pub async fn serve_on(listener: TcpListener, readiness: Readiness, shutdown: CancellationToken) -> anyhow::Result<()> {
    tracing::info!(at = %listener.local_addr()?, "health and metrics");
    axum::serve(listener, router(readiness)).with_graceful_shutdown(shutdown.cancelled_owned()).await?;
    Ok(())
}

/// Asks `/readyz` of a service on this host; an error says that it is not ready.
pub async fn probe(port: u16) -> anyhow::Result<()> {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::ensure!(answer.starts_with("HTTP/1.0 200"), "not ready: {answer}");
        Ok(())
    };
    tokio::time::timeout(Duration::from_secs(5), ask).await.context("no answer")?
}

/// Ends `shutdown` at SIGINT or SIGTERM.
pub async fn cancel_on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("shutting down");
    shutdown.cancel();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The control: with the cause in the answer, the address stands there.
    #[tokio::test]
    async fn what_a_dependency_says_is_not_shown() {
        let cause = "nats://gateway:secret@10.0.0.7:4222: connection refused";
        let unready =
            Readiness::new(move || async move { Err(Unready::because("the broker can't be reached", &cause)) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async { axum::serve(listener, router(unready)).await });
        let answer = probe(port).await.unwrap_err().to_string();
        assert!(answer.contains("503") && answer.contains("the broker can't be reached"), "{answer}");
        assert!(!answer.contains("10.0.0.7"), "{answer}");
    }
}
