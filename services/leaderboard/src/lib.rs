//! Leaderboards: ranks by period and specialty, counted from graded exams, answered from memory.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each command, query and event, `jobs/` what runs beside them,
//! [`wiring`] which handler takes what. What is stored is counted by whichever replica takes a batch of results; each replica
//! keeps all boards in its [`index::Index`], by following what was stored.

mod context;
pub mod domain;
mod handlers;
mod index;
mod jobs;
mod past;
pub mod store;
mod wiring;

use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_service::{Frame, Http};
use sinaesta_settings::Settings;
use sinaesta_telemetry::{Readiness, Unready};
use tokio_util::sync::CancellationToken;

use context::Context;
use jobs::broadcast;
use jobs::sync::IndexSync;

/// Runs the service until `shutdown`, then drains it.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same with an injected clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut frame = Frame::connect(Service::Leaderboard, &settings, clock, shutdown.clone()).await?;
    let http = Http { host: settings.leaderboard.http_host.clone(), port: settings.leaderboard.http_port };
    let context = Context::new(&frame, settings)?;
    let loaded = CancellationToken::new();
    frame.serve_readiness(http, readiness(&context, loaded.clone()));
    // No query is answered before the index is what is stored.
    let sync = tokio::select! {
        sync = IndexSync::load(&context) => sync?,
        () = shutdown.cancelled() => return Ok(()),
    };
    loaded.cancel();
    frame.job("index sync", sync.run(shutdown.clone()));
    frame.job("broadcast", broadcast::run(context.clone(), shutdown));
    frame.run(|builder| wiring::handlers(builder, &context)).await
}

/// Ready when the broker and the database answer, and the index is loaded.
fn readiness(context: &Context, loaded: CancellationToken) -> Readiness {
    let (bus, pool, described) = (context.bus.clone(), context.pool.clone(), context.bus.clone());
    let readiness = Readiness::new(move || {
        let (bus, pool, loaded) = (bus.clone(), pool.clone(), loaded.clone());
        async move {
            if !loaded.is_cancelled() {
                return Err(Unready::new("the boards are being read"));
            }
            sinaesta_store::reachable(&bus, &pool).await
        }
    });
    readiness.with_status(move || described.status())
}
