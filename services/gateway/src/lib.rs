//! The gateway: Socket.IO on one side, the bus on the other.
//!
//! - `connections` and `admission/` bound what somebody may do before signing in;
//! - `sockets/` is the way in: handshake, sessions, limits, and how an event is read and put in order;
//! - `reading/` turns what people send into the contract's types;
//! - `events/` has one file for each event that a client sends;
//! - `hub/` is the way out: subscriptions, and the fan-out of deliveries, in order, each once.

mod admission;
mod connections;
mod events;
mod http;
mod hub;
mod reading;
mod server;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sinaesta_auth::{Identity, InvalidToken, Verifier};
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::Actor;
use sinaesta_objects::Objects;
use sinaesta_settings::Settings;
use socketioxide::extract::SocketRef;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use admission::Admission;
use hub::{Hub, Member};
use sockets::expiry::Expiry;
use sockets::participation::Participants;
use sockets::presence::Presence;
use sockets::session::TokenTimes;
use sockets::user::Entries;
use sockets::users::Users;

pub use http::document as openapi;
pub use server::Bound;

/// How many images are looked into at once.
const IMAGES: usize = 2;

/// What every part of the gateway works with.
pub(crate) struct Gateway {
    bus: Bus,
    pool: PgPool,
    /// For the one connection that listens for changes of accounts.
    listener: PgPool,
    clock: Clock,
    settings: Settings,
    admission: Arc<Admission>,
    verifier: Verifier,
    users: Users,
    entries: Entries,
    presence: Presence,
    participation: Participants,
    expiry: Expiry,
    hub: Hub,
    objects: Objects,
    /// How many images are looked into at once: each may take a hundred times its size in memory.
    images: Arc<Semaphore>,
    /// The bytes of images that are on their way.
    uploading: Arc<Semaphore>,
    /// Events whose answers are awaited: shutting down waits for them.
    tasks: TaskTracker,
    /// Ends when new connections and events are no longer taken.
    closing: CancellationToken,
}

impl Gateway {
    /// Who somebody is by their token; why one is refused stands in the log, the token never.
    async fn identify(&self, token: &str) -> Result<Identity, InvalidToken> {
        let identity = self.verifier.verify(token, self.clock.now()).await;
        identity.inspect_err(|error| tracing::info!(reason = error.reason, sub = error.sub, "a token is refused"))
    }

    /// The times of the token that says who somebody is.
    fn times(&self, identity: &Identity) -> TokenTimes {
        let counts_until = self.verifier.counts_until(identity);
        TokenTimes { issued_at: identity.issued_at, expires_at: identity.expires_at, counts_until }
    }

    /// A socket as a member of an audience.
    const fn member(&self, socket: SocketRef, actor: &Actor) -> Member {
        Member { socket, user: actor.user_id, buffer_bytes: self.settings.gateway.socket_buffer_bytes }
    }

    fn command_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.gateway.command_timeout_ms)
    }
}

/// Opens the gateway's port and connects it to what it needs; [`Bound::run`] then serves.
///
/// The settings' port may be 0: any free one, told by [`Bound::address`].
pub async fn bind(settings: Settings) -> anyhow::Result<Bound> {
    let verifier = Verifier::new(&settings.auth).await?;
    let listener = server::listen(&settings.gateway)?;
    let health = sinaesta_telemetry::listen(&settings.gateway.health_host, settings.gateway.health_port);
    let health = health.await.context("gateway.health_port")?;
    let bus = Bus::connect("gateway", &settings.nats, &settings.bus).await?;
    let pool = sinaesta_store::connect("gateway", &settings.database).await.context("gateway")?;
    let (expiry, expiring) = sockets::expiry::new();
    let clock = bus.clock().clone();
    let tasks = TaskTracker::new();
    let gateway = Arc::new(Gateway {
        admission: Arc::new(Admission::new(&settings.gateway, server::allow_many_files())),
        users: Users::new(pool.clone(), &settings.auth),
        hub: Hub::new(bus.clone(), clock.clone(), sockets::session::removed),
        presence: Presence::default(),
        participation: Participants::default(),
        clock,
        objects: Objects::connect("gateway", &settings.files, &settings.nats).await.context("gateway")?,
        images: Arc::new(Semaphore::new(IMAGES)),
        uploading: Arc::new(Semaphore::new(settings.files.uploading_bytes as usize)),
        entries: Entries::new(&settings.limits, &settings.files, tasks.clone()),
        tasks,
        closing: CancellationToken::new(),
        bus,
        listener: sinaesta_store::listener("gateway", &settings.database).context("gateway")?,
        pool,
        verifier,
        expiry,
        settings,
    });
    Ok(Bound { gateway, listener, health, expiring })
}

/// Serves until `shutdown`; then clients are told, and what was taken is finished.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    bind(settings).await?.run(shutdown).await
}
