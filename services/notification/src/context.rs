//! What handlers and jobs work with.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_service::Frame;
use sinaesta_settings::{NotificationSettings, Settings};
use sinaesta_store::StoreError;
use sqlx::{PgPool, Postgres, Transaction};

use crate::push::{Key, Services};

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) bus: Bus,
    /// For commands, events and jobs.
    pub(crate) pool: PgPool,
    /// For queries.
    pub(crate) queries: PgPool,
    pub(crate) clock: Clock,
    /// Where a day begins and ends.
    pub(crate) time_zone: TimeZone,
    pub(crate) push_key: Key,
    pub(crate) push_services: Services,
    pub(crate) settings: Arc<NotificationSettings>,
}

impl Context {
    pub(crate) async fn new(frame: &Frame, settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            bus: frame.bus.clone(),
            pool: frame.pool.clone(),
            queries: frame.queries.clone(),
            clock: frame.clock.clone(),
            time_zone: TimeZone::get(&settings.notifications.time_zone).context("notifications.time_zone")?,
            push_key: Key::load(&frame.pool).await?,
            push_services: Services::new(&settings.notifications.push_hosts).context("notifications.push_hosts")?,
            settings: Arc::new(settings.notifications),
        })
    }
}

/// To read several things as they were at one moment.
pub(crate) async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}
