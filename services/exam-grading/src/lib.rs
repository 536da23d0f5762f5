//! Exams: sessions, the server's clock, grading.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each thing that can be asked of the service.

mod deciding;
pub mod domain;
mod handlers;
mod papers;
mod seeding;
pub mod store;
mod submission;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sinaesta_bus::{Bus, ServiceBuilder};
use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_settings::{ExamSettings, Settings};
use sinaesta_store::Attempts;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use handlers::{
    complete_exam, create_exam, enter_exam, exit_exam, expire_session, extend_exam, find_sessions, join_exam,
    list_exams, list_results, lose_participants, monitor_exam, pause_exam, publish_exam, read_exam, read_my_record,
    read_my_result, regrade_exam, replace_questions, resume_exam, retell_exams, save_answer, save_progress,
    schedule_exam, set_authors, start_exam,
};
use papers::Papers;

pub use seeding::seed;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Context {
    bus: Bus,
    /// For commands and what happens by itself.
    pool: PgPool,
    /// For queries.
    queries: PgPool,
    papers: Papers,
    clock: Clock,
    settings: Arc<ExamSettings>,
}

/// Runs the service until `shutdown`; then what has begun is finished.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same by another clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bus = Bus::connect_with("exam-grading", &settings.nats, &settings.bus, clock.clone()).await?;
    let pool = sinaesta_store::connect("exam-grading", &settings.database).await.context("exam-grading")?;
    let attempts = Attempts::new(Service::ExamGrading, &settings.database)?;
    let patience = Duration::from_millis(settings.bus.request_timeout_ms);
    let queries = sinaesta_store::queries("exam-grading", &settings.database, patience)?;
    let (host, port) = (settings.exams.http_host.clone(), settings.exams.http_port);
    let health = sinaesta_telemetry::serve(host, port, sinaesta_store::readiness(&bus, &pool), shutdown.clone());
    let health = tokio::spawn(health);
    let context = Context {
        bus: bus.clone(),
        pool: pool.clone(),
        queries,
        papers: Papers::new(settings.exams.papers_bytes),
        clock,
        settings: Arc::new(settings.exams),
    };
    let timers = tokio::spawn(timers::run(context.clone(), shutdown.clone()));
    let service = ServiceBuilder::new(bus.clone(), Service::ExamGrading, &settings.bus, attempts)
        .command(join_exam::Handler(context.clone()))
        .command(enter_exam::Handler(context.clone()))
        .command(exit_exam::Handler(context.clone()))
        .command(lose_participants::Handler(context.clone()))
        .command(start_exam::Handler(context.clone()))
        .command(save_answer::Handler(context.clone()))
        .command(save_progress::Handler(context.clone()))
        .command(complete_exam::Handler(context.clone()))
        .command(expire_session::Handler(context.clone()))
        .command(extend_exam::Handler(context.clone()))
        .command(pause_exam::Handler(context.clone()))
        .command(resume_exam::Handler(context.clone()))
        .command(create_exam::Handler(context.clone()))
        .command(replace_questions::Handler(context.clone()))
        .command(publish_exam::Handler(context.clone()))
        .command(schedule_exam::Handler(context.clone()))
        .command(set_authors::Handler(context.clone()))
        .command(regrade_exam::Handler(context.clone()))
        .command(retell_exams::Handler(context.clone()))
        .query(monitor_exam::Handler(context.clone()))
        .query(list_exams::Handler(context.clone()))
        .query(read_exam::Handler(context.clone()))
        .query(list_results::Handler(context.clone()))
        .query(read_my_record::Handler(context.clone()))
        .query(read_my_result::Handler(context.clone()))
        .query(find_sessions::Handler(context));
    tracing::info!("exam-grading runs");
    service.run(shutdown).await?;
    timers.await?;
    health.await??;
    bus.close().await;
    pool.close().await;
    tracing::info!("exam-grading has finished what it began");
    Ok(())
}
