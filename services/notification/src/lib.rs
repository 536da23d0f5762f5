//! Notifications: who is notified of what, and what of it is unread.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each command, query and event, `jobs/` what happens because
//! time passes, `push/` web push, [`wiring`] which handler takes what. Whatever changes one user's inbox is a command with their id
//! as its key, so that it happens one after another; events become such commands.

mod away;
mod context;
pub mod domain;
mod handlers;
mod jobs;
mod patience;
mod posting;
mod postponed;
mod push;
pub mod store;
mod wiring;

use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_service::{Frame, Http};
use sinaesta_settings::Settings;
use tokio_util::sync::CancellationToken;

use context::Context;

/// Runs the service until `shutdown`, then drains it.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same with an injected clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut frame = Frame::connect(Service::Notification, &settings, clock, shutdown).await?;
    frame.serve_health(Http { host: settings.notifications.http_host.clone(), port: settings.notifications.http_port });
    let context = Context::new(&frame, settings).await?;
    jobs::start(&mut frame, &context);
    frame.run(|builder| wiring::handlers(builder, &context)).await
}
