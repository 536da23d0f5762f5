//! Notifications: who is told of what, and what of it is unread.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each thing that can be asked of the service and
//! for each event it listens to, `push/` what goes to browsers that are closed. Whatever changes one user's inbox is a
//! command with their id as its key, so that it happens one after another; events become such commands.

mod away;
pub mod domain;
mod handlers;
mod patience;
mod posting;
mod postponed;
mod push;
pub mod store;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sinaesta_bus::{Bus, ServiceBuilder};
use sinaesta_clock::Clock;
use sinaesta_contracts::Service;
use sinaesta_settings::{NotificationSettings, Settings};
use sinaesta_store::{Attempts, StoreError};
use sqlx::{PgPool, Postgres, Transaction};
use tokio_util::sync::CancellationToken;

use handlers::{
    clear_room, exam_graded, exam_scheduled, find_readers, group_invited, list_notifications, messages_posted, notify,
    people_overtaken, read_all_notifications, read_inboxes, read_notification, read_preferences, read_push_key,
    remove_announcements, repeat_urgent, room_read, send_notification, send_reminder, sessions_begun, set_preferences,
    subscribe_push, unsubscribe_push,
};
use push::{Key, Services};

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Context {
    bus: Bus,
    /// For commands and what happens by itself.
    pool: PgPool,
    /// For queries.
    queries: PgPool,
    clock: Clock,
    push_key: Key,
    push_services: Services,
    settings: Arc<NotificationSettings>,
}

/// To read several things as they were at one moment.
async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

/// Runs the service until `shutdown`; then what has begun is finished.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same by another clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bus = Bus::connect_with("notification", &settings.nats, &settings.bus, clock.clone()).await?;
    let pool = sinaesta_store::connect("notification", &settings.database).await.context("notification")?;
    let attempts = Attempts::new(Service::Notification, &settings.database)?;
    let patience = Duration::from_millis(settings.bus.request_timeout_ms);
    let queries = sinaesta_store::queries("notification", &settings.database, patience)?;
    let context = Context {
        bus: bus.clone(),
        pool: pool.clone(),
        queries,
        clock,
        push_key: Key::load(&pool).await?,
        push_services: Services::new(&settings.notifications.push_hosts).context("notifications.push_hosts")?,
        settings: Arc::new(settings.notifications),
    };
    let (host, port) = (context.settings.http_host.clone(), context.settings.http_port);
    let health = sinaesta_telemetry::serve(host, port, sinaesta_store::readiness(&bus, &pool), shutdown.clone());
    let health = tokio::spawn(health);
    let timers = tokio::spawn(timers::run(context.clone(), shutdown.clone()));
    let pushing = tokio::spawn(push::run(context.clone(), shutdown.clone()));
    let service = ServiceBuilder::new(bus.clone(), Service::Notification, &settings.bus, attempts)
        .command(send_notification::Handler(context.clone()))
        .command(read_notification::Handler(context.clone()))
        .command(read_all_notifications::Handler(context.clone()))
        .command(set_preferences::Handler(context.clone()))
        .command(notify::Handler::new(context.clone()).context("notifications.time_zone")?)
        .command(clear_room::Handler(context.clone()))
        .command(send_reminder::Handler(context.clone()))
        .command(repeat_urgent::Handler(context.clone()))
        .command(remove_announcements::Handler(context.clone()))
        .command(subscribe_push::Handler(context.clone()))
        .command(unsubscribe_push::Handler(context.clone()))
        .event(exam_graded::Handler(context.clone()))
        .event(exam_scheduled::Handler(context.clone()))
        .event(sessions_begun::Handler(context.clone()))
        .event(messages_posted::Handler(context.clone()))
        .event(room_read::Handler(context.clone()))
        .event(people_overtaken::Handler::new(context.clone()).context("notifications.time_zone")?)
        .event(group_invited::Handler(context.clone()))
        .query(list_notifications::Handler(context.clone()))
        .query(read_inboxes::Handler(context.clone()))
        .query(find_readers::Handler(context.clone()))
        .query(read_preferences::Handler(context.clone()))
        .query(read_push_key::Handler(context));
    tracing::info!("notification runs");
    service.run(shutdown).await?;
    timers.await?;
    pushing.await?;
    health.await??;
    bus.close().await;
    pool.close().await;
    tracing::info!("notification has finished what it began");
    Ok(())
}
