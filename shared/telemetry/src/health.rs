//! `/healthz` (the process runs), `/readyz` (it can do its work) and `/metrics` (Prometheus text).

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
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

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Asks whether a service can do its work: by a round trip to what it needs, not by a remembered flag.
#[derive(Clone)]
pub struct Readiness(Check);

impl Readiness {
    /// Ready when `check` says so; its error is shown.
    pub fn new<F, Fut>(check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(check())))
    }
}

/// The three routes.
pub fn router(readiness: Readiness) -> Router {
    let ready = move || {
        let check = Arc::clone(&readiness.0);
        async move {
            match check().await {
                Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            }
        }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn metrics() -> impl IntoResponse {
    let text = METRICS.get().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default())
}

/// Serves the three routes until `shutdown`.
pub async fn serve(host: String, port: u16, readiness: Readiness, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bound = TcpListener::bind((host.as_str(), port)).await;
    let listener = bound.with_context(|| format!("port {port} of {host} can't be opened: choose another"));
    let listener = listener.inspect_err(|error| {
        // Without it nobody can see whether the service is well: it does not run then.
        tracing::error!("{error:#}");
        shutdown.cancel();
    })?;
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
