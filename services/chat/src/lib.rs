//! Chat: rooms, messages, typing, reading, and who is there.
//!
//! `domain/` has the rules, `store/` the SQL, `handlers/` one file for each thing that can be asked of the service.

pub mod domain;
mod doors;
mod files;
mod handlers;
mod membership;
mod months;
mod quotas;
mod rooms;
mod searchable;
pub mod store;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use moka::sync::Cache;
use sinaesta_bus::{Bus, ServiceBuilder};
use sinaesta_clock::Clock;
use sinaesta_contracts::{ExamId, RoomId, Service, UserId};
use sinaesta_objects::Objects;
use sinaesta_settings::{ChatSettings, FileSettings, Settings};
use sinaesta_store::{Attempts, StoreError};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use handlers::{
    connect_user, create_group, disconnect_user, edit_message, exit_room, expire_presence, find_away, find_file,
    find_online, invite_member, join_group, join_room, leave_group, leave_room, list_groups, list_rooms, lose_gateway,
    mark_message_read, message_history, missed_messages, mute_user, react_to_message, read_thread, record_file,
    remove_member, remove_message, retell_messages, search_messages, send_message, set_status, set_typing,
};
use rooms::Rooms;
use searchable::Posted;
use store::rooms::Opening;

/// How many exam sessions a replica remembers.
const REMEMBERED: u64 = 100_000;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Context {
    bus: Bus,
    /// For commands and what happens by itself.
    pool: PgPool,
    /// For queries.
    queries: PgPool,
    rooms: Rooms,
    /// What is to be made searchable.
    posted: Posted,
    /// Who is known to have a session in which exam.
    sessions: Cache<(ExamId, UserId), ()>,
    objects: Objects,
    files: Arc<FileSettings>,
    clock: Clock,
    settings: Arc<ChatSettings>,
}

/// Runs the service until `shutdown`; then what has begun is finished.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_with(settings, Clock::system(), shutdown).await
}

/// The same by another clock.
pub async fn run_with(settings: Settings, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bus = Bus::connect_with("chat", &settings.nats, &settings.bus, clock.clone()).await?;
    let pool = sinaesta_store::connect("chat", &settings.database).await.context("chat")?;
    let attempts = Attempts::new(Service::Chat, &settings.database)?;
    let patience = Duration::from_millis(settings.bus.request_timeout_ms);
    let queries = sinaesta_store::queries("chat", &settings.database, patience)?;
    let (host, port) = (settings.chat.http_host.clone(), settings.chat.http_port);
    let health = sinaesta_telemetry::serve(host, port, sinaesta_store::readiness(&bus, &pool), shutdown.clone());
    let health = tokio::spawn(health);
    let context = Context {
        bus: bus.clone(),
        pool: pool.clone(),
        queries,
        rooms: Rooms::new(),
        posted: Posted::default(),
        sessions: Cache::new(REMEMBERED),
        objects: Objects::connect("chat", &settings.files, &settings.nats).await.context("chat")?,
        files: Arc::new(settings.files),
        clock,
        settings: Arc::new(settings.chat),
    };
    let timers = tokio::spawn(timers::run(context.clone(), shutdown.clone()));
    let ahead = tokio::spawn(months::keep_ahead(context.clone(), shutdown.clone()));
    let searchable = tokio::spawn(searchable::keep(context.clone(), shutdown.clone()));
    let tidying = tokio::spawn(files::tidy(context.clone(), shutdown.clone()));
    let service = ServiceBuilder::new(bus.clone(), Service::Chat, &settings.bus, attempts)
        .command(join_room::Handler(context.clone()))
        .command(leave_room::Handler(context.clone()))
        .command(exit_room::Handler(context.clone()))
        .command(send_message::Handler(context.clone()))
        .command(mark_message_read::Handler(context.clone()))
        .command(create_group::Handler(context.clone()))
        .command(join_group::Handler(context.clone()))
        .command(leave_group::Handler(context.clone()))
        .command(invite_member::Handler(context.clone()))
        .command(remove_member::Handler(context.clone()))
        .command(edit_message::Handler(context.clone()))
        .command(remove_message::Handler(context.clone()))
        .command(react_to_message::Handler(context.clone()))
        .command(mute_user::Handler(context.clone()))
        .command(record_file::Handler(context.clone()))
        .command(retell_messages::Handler(context.clone()))
        .command(set_status::Handler(context.clone()))
        .command(connect_user::Handler(context.clone()))
        .command(disconnect_user::Handler(context.clone()))
        .command(expire_presence::Handler(context.clone()))
        .command(lose_gateway::Handler(context.clone()))
        .query(message_history::Handler(context.clone()))
        .query(missed_messages::Handler(context.clone()))
        .query(read_thread::Handler(context.clone()))
        .query(search_messages::Handler(context.clone()))
        .query(find_file::Handler(context.clone()))
        .query(list_groups::Handler(context.clone()))
        .query(list_rooms::Handler(context.clone()))
        .query(find_away::Handler(context.clone()))
        .query(find_online::Handler(context.clone()))
        .query(set_typing::Handler(context));
    tracing::info!("chat runs");
    service.run(shutdown).await?;
    timers.await?;
    searchable.await?;
    tidying.await?;
    ahead.await?;
    health.await??;
    bus.close().await;
    pool.close().await;
    tracing::info!("chat has finished what it began");
    Ok(())
}

/// Opens rooms that everyone may join, where they do not exist: for a demo.
pub async fn open_rooms(pool: &PgPool, rooms: &[RoomId], clock: &Clock) -> Result<(), StoreError> {
    let rooms: Vec<_> =
        rooms.iter().map(|id| Opening { id: id.clone(), owner: None, by: None, at: clock.now() }).collect();
    store::rooms::open(&mut *pool.acquire().await?, &rooms).await?;
    Ok(())
}
