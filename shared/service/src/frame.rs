//! The life of a service: connect, start the jobs, serve, drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sinaesta_bus::{AttemptLog, Bus, ServiceBuilder};
use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_settings::{BusSettings, Settings};
use sinaesta_store::Attempts;
use sinaesta_telemetry::Readiness;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where `/healthz`, `/readyz` and `/metrics` are served.
#[derive(Debug, Clone)]
pub struct Http {
    pub host: String,
    pub port: u16,
}

/// A service that is connected: its context is made from this, then its jobs and handlers are started.
pub struct Frame {
    pub bus: Bus,
    /// For commands, events and jobs.
    pub pool: PgPool,
    /// For queries: read-only, with a statement timeout below that of whoever waits for the reply.
    pub queries: PgPool,
    pub clock: Clock,
    pub shutdown: CancellationToken,
    service: Service,
    settings: BusSettings,
    attempts: Arc<dyn AttemptLog>,
    running: Vec<(&'static str, JoinHandle<anyhow::Result<()>>)>,
}

impl Frame {
    /// Connects to the broker and the database, waiting for both while they start.
    pub async fn connect(
        service: Service,
        settings: &Settings,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let name = service.as_str();
        let bus = Bus::connect_with(name, &settings.nats, &settings.bus, clock.clone()).await?;
        let pool = sinaesta_store::connect(name, &settings.database).await.context(name)?;
        let attempts = Attempts::new(service, &settings.database)?;
        let patience = Duration::from_millis(settings.bus.request_timeout_ms);
        let queries = sinaesta_store::queries(name, &settings.database, patience)?;
        let settings = settings.bus.clone();
        Ok(Self { bus, pool, queries, clock, shutdown, service, settings, attempts, running: Vec::new() })
    }

    /// Serves health and metrics. The service is ready when the broker and the database answer.
    pub fn serve_health(&mut self, http: Http) {
        let readiness = sinaesta_store::readiness(&self.bus, &self.pool);
        self.serve_readiness(http, readiness);
    }

    /// The same for a service that has more to be ready with.
    pub fn serve_readiness(&mut self, Http { host, port }: Http, readiness: Readiness) {
        let health = sinaesta_telemetry::serve(host, port, readiness, self.shutdown.clone());
        self.running.push(("health", tokio::spawn(health)));
    }

    /// Runs a job beside the handlers. It has to end when `shutdown` is cancelled.
    pub fn job(&mut self, name: &'static str, job: impl Future<Output = ()> + Send + 'static) {
        let job = async {
            job.await;
            Ok(())
        };
        self.running.push((name, tokio::spawn(job)));
    }

    /// Serves until shutdown; then finishes what was taken, waits for the jobs, and closes the connections.
    pub async fn run(self, handlers: impl FnOnce(ServiceBuilder) -> ServiceBuilder) -> anyhow::Result<()> {
        let builder = ServiceBuilder::new(self.bus.clone(), self.service, &self.settings, self.attempts);
        let serving = handlers(builder);
        tracing::info!(service = %self.service, "service started");
        serving.run(self.shutdown).await?;
        for (name, running) in self.running {
            running.await.context(name)?.context(name)?;
        }
        self.bus.close().await;
        self.pool.close().await;
        tracing::info!(service = %self.service, "service stopped after draining");
        Ok(())
    }
}
