//! What handlers and jobs work with.

use std::sync::Arc;

use anyhow::Context as _;
use moka::sync::Cache;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::{ExamId, UserId};
use sinaesta_objects::Objects;
use sinaesta_service::Frame;
use sinaesta_settings::{ChatSettings, FileSettings, Settings};
use sqlx::PgPool;

use crate::jobs::search_index::Posted;
use crate::rooms::Rooms;

/// How many exam sessions a replica caches.
const CACHED_SESSIONS: u64 = 100_000;

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) bus: Bus,
    /// For commands and jobs.
    pub(crate) pool: PgPool,
    /// For queries.
    pub(crate) queries: PgPool,
    pub(crate) rooms: Rooms,
    /// Rooms whose messages are to be indexed for search.
    pub(crate) posted: Posted,
    /// Who is known to have a session in which exam.
    pub(crate) sessions: Cache<(ExamId, UserId), ()>,
    pub(crate) objects: Objects,
    pub(crate) files: Arc<FileSettings>,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<ChatSettings>,
}

impl Context {
    pub(crate) async fn new(frame: &Frame, settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            bus: frame.bus.clone(),
            pool: frame.pool.clone(),
            queries: frame.queries.clone(),
            rooms: Rooms::new(),
            posted: Posted::default(),
            sessions: Cache::new(CACHED_SESSIONS),
            objects: Objects::connect("chat", &settings.files, &settings.nats).await.context("files")?,
            files: Arc::new(settings.files),
            clock: frame.clock.clone(),
            settings: Arc::new(settings.chat),
        })
    }
}
