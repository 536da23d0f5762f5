//! What handlers and jobs work with.

use std::sync::Arc;

use anyhow::anyhow;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_service::Frame;
use sinaesta_settings::{LeaderboardSettings, Settings};
use sqlx::PgPool;

use crate::domain::calendar::Calendar;
use crate::index::Index;
use crate::jobs::broadcast::Changes;
use crate::past::Past;

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) bus: Bus,
    /// For commands, events and jobs.
    pub(crate) pool: PgPool,
    /// For queries.
    pub(crate) queries: PgPool,
    pub(crate) index: Index,
    /// Boards of periods that are over.
    pub(crate) past: Past,
    pub(crate) changes: Changes,
    pub(crate) calendar: Calendar,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<LeaderboardSettings>,
}

impl Context {
    pub(crate) fn new(frame: &Frame, settings: Settings) -> anyhow::Result<Self> {
        let settings = settings.leaderboard;
        let zone = &settings.time_zone;
        let calendar = Calendar::new(zone).map_err(|error| anyhow!("the setting leaderboard.time_zone: {error}"))?;
        Ok(Self {
            bus: frame.bus.clone(),
            pool: frame.pool.clone(),
            queries: frame.queries.clone(),
            index: Index::new(calendar.clone()),
            past: Past::new(settings.past_boards_bytes, settings.concurrent_rankings),
            changes: Changes::default(),
            calendar,
            clock: frame.clock.clone(),
            settings: Arc::new(settings),
        })
    }
}
