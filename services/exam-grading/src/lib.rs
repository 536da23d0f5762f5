//! Exams: sessions, the server's clock, grading.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each command and query, `jobs/` what happens because time
//! passes, [`wiring`] which handler takes what.

mod context;
mod deciding;
pub mod domain;
mod handlers;
mod jobs;
mod papers;
mod seeding;
pub mod store;
mod submission;
mod wiring;

use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_service::{Frame, Http};
use sinaesta_settings::Settings;
use tokio_util::sync::CancellationToken;

use context::Context;

pub use seeding::seed;

/// Runs the service until `shutdown`, then drains it.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same with an injected clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut frame = Frame::connect(Service::ExamGrading, &settings, clock, shutdown).await?;
    frame.serve_health(Http { host: settings.exams.http_host.clone(), port: settings.exams.http_port });
    let context = Context::new(&frame, settings);
    jobs::start(&mut frame, &context);
    frame.run(|builder| wiring::handlers(builder, &context)).await
}
