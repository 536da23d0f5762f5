//! Chat: rooms, messages, typing, reading, and who is there.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each command and query, `jobs/` what happens because time
//! passes, [`wiring`] which handler takes what.

mod context;
pub mod domain;
mod doors;
mod handlers;
mod jobs;
mod membership;
mod quotas;
mod rooms;
pub mod store;
mod wiring;

use sinaesta_clock::Clock;
use sinaesta_contracts::{RoomId, Service};
use sinaesta_service::{Frame, Http};
use sinaesta_settings::Settings;
use sinaesta_store::StoreError;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use context::Context;
use store::rooms::Opening;

/// Runs the service until `shutdown`, then drains it.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same with an injected clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut frame = Frame::connect(Service::Chat, &settings, clock, shutdown).await?;
    frame.serve_health(Http { host: settings.chat.http_host.clone(), port: settings.chat.http_port });
    let context = Context::new(&frame, settings).await?;
    jobs::start(&mut frame, &context);
    frame.run(|builder| wiring::handlers(builder, &context)).await
}

/// Opens rooms that everyone may join, where they do not exist: for a demo.
pub async fn open_rooms(pool: &PgPool, rooms: &[RoomId], clock: &Clock) -> Result<(), StoreError> {
    let rooms: Vec<_> =
        rooms.iter().map(|id| Opening { id: id.clone(), owner: None, by: None, at: clock.now() }).collect();
    store::rooms::open(&mut *pool.acquire().await?, &rooms).await?;
    Ok(())
}
