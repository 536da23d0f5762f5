//! Leaderboards: ranks by period and specialty, counted from graded exams, answered from memory.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each thing that can be asked of the service.
//! What is stored is counted by whichever replica takes a batch of results; each replica keeps all boards in its
//! [`Index`], by following what was stored.

pub mod domain;
mod handlers;
mod index;
mod keeper;
mod past;
pub mod store;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use sinaesta_bus::{Bus, ServiceBuilder};
use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_settings::{LeaderboardSettings, Settings};
use sinaesta_store::Attempts;
use sinaesta_telemetry::{Readiness, Unready};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use domain::calendar::Calendar;
use handlers::{exam_graded, find_ranks, recompute, request_leaderboard, tell_board};
use index::Index;
use keeper::Keeper;
use past::Past;
use telling::Changes;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Context {
    bus: Bus,
    /// For commands, events and what happens by itself.
    pool: PgPool,
    /// For queries.
    queries: PgPool,
    index: Index,
    /// Boards of periods that are over.
    past: Past,
    changes: Changes,
    calendar: Calendar,
    clock: Clock,
    settings: Arc<LeaderboardSettings>,
}

/// Runs the service until `shutdown`; then what has begun is finished.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same by another clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let zone = &settings.leaderboard.time_zone;
    let calendar = Calendar::new(zone).map_err(|error| anyhow!("the setting leaderboard.time_zone: {error}"))?;
    let bus = Bus::connect_with("leaderboard", &settings.nats, &settings.bus, clock.clone()).await?;
    let pool = sinaesta_store::connect("leaderboard", &settings.database).await.context("leaderboard")?;
    let attempts = Attempts::new(Service::Leaderboard, &settings.database)?;
    let patience = Duration::from_millis(settings.bus.request_timeout_ms);
    let queries = sinaesta_store::queries("leaderboard", &settings.database, patience)?;
    let context = Context {
        bus: bus.clone(),
        pool: pool.clone(),
        queries,
        index: Index::new(calendar.clone()),
        past: Past::new(settings.leaderboard.past_boards_bytes, settings.leaderboard.concurrent_rankings),
        changes: Changes::default(),
        calendar,
        clock,
        settings: Arc::new(settings.leaderboard),
    };
    let (host, port) = (context.settings.http_host.clone(), context.settings.http_port);
    let loaded = CancellationToken::new();
    let health = sinaesta_telemetry::serve(host, port, readiness(&context, loaded.clone()), shutdown.clone());
    let health = tokio::spawn(health);
    // Nothing is answered before the boards are as they are stored.
    let keeper = tokio::select! {
        keeper = Keeper::load(&context) => keeper?,
        () = shutdown.cancelled() => return Ok(()),
    };
    loaded.cancel();
    let keeper = tokio::spawn(keeper.run(shutdown.clone()));
    let telling = tokio::spawn(telling::run(context.clone(), shutdown.clone()));
    let service = ServiceBuilder::new(bus.clone(), Service::Leaderboard, &settings.bus, attempts)
        .event(exam_graded::Handler(context.clone()))
        .command(recompute::Handler(context.clone()))
        .command(tell_board::Handler::new(context.clone()))
        .query(request_leaderboard::Handler(context.clone()))
        .query(find_ranks::Handler(context));
    tracing::info!("leaderboard runs");
    service.run(shutdown).await?;
    keeper.await?;
    telling.await?;
    health.await??;
    bus.close().await;
    pool.close().await;
    tracing::info!("leaderboard has finished what it began");
    Ok(())
}

/// Whether the service can do its work: the broker and the database answer, and the boards are in memory.
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

/// How long the broker may take to store what was noticed; it will be noticed again.
const POST: Duration = Duration::from_secs(5);
