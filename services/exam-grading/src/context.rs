//! What handlers and jobs work with.

use std::sync::Arc;

use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_service::Frame;
use sinaesta_settings::{ExamSettings, Settings};
use sqlx::PgPool;

use crate::papers::Papers;

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) bus: Bus,
    /// For commands and jobs.
    pub(crate) pool: PgPool,
    /// For queries.
    pub(crate) queries: PgPool,
    pub(crate) papers: Papers,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<ExamSettings>,
}

impl Context {
    pub(crate) fn new(frame: &Frame, settings: Settings) -> Self {
        Self {
            bus: frame.bus.clone(),
            pool: frame.pool.clone(),
            queries: frame.queries.clone(),
            papers: Papers::new(settings.exams.papers_bytes),
            clock: frame.clock.clone(),
            settings: Arc::new(settings.exams),
        }
    }
}
