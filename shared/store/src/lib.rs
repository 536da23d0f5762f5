//! What the services' stores share: the pool, the migrations, and what a database error means for a command.

mod attempts;
mod roles;

use std::str::FromStr as _;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sinaesta_bus::{Bus, Dependency, Failure};
use sinaesta_settings::DatabaseSettings;
use sinaesta_telemetry::{Readiness, Unready};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor as _, PgPool};
use thiserror::Error;

pub use attempts::Attempts;
pub use roles::role;

/// How often the pool is looked at.
const MEASURE: Duration = Duration::from_secs(1);
/// How long a statement waits for a row that is held, and how long it may take in all.
const LOCK_TIMEOUT: &str = "5s";
const STATEMENT_TIMEOUT: &str = "60s";
/// After this long without a word in a transaction its client counts as gone: sooner than those who wait for its rows give up.
const IDLE_TIMEOUT: &str = "4s";

/// All migrations, embedded.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// A database error, sorted by what can be done about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database takes nothing from anybody right now, as far as the error tells.
    #[error("the database is away: {0}")]
    Away(#[source] sqlx::Error),
    /// Another transaction held what this one needs for longer than a statement waits.
    #[error("another transaction holds what this needs: {0}")]
    Held(#[source] sqlx::Error),
    /// This try failed; the next may succeed: a lost connection, two transactions in each other's way, a unique index that another replica was quicker at.
    #[error("the database could not do this: {0}")]
    Retry(#[source] sqlx::Error),
    /// The same will fail again.
    #[error("the database refuses this: {0}")]
    Permanent(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if AWAY.iter().any(|prefix| code.starts_with(prefix)) {
                    Self::Away(error)
                } else if code == LOCK_NOT_AVAILABLE {
                    Self::Held(error)
                } else if RETRY.iter().any(|prefix| code.starts_with(prefix)) {
                    Self::Retry(error)
                } else {
                    Self::Permanent(error)
                }
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Away(error),
            // A statement that breaks its own connection looks like this, too.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::Retry(error)
            }
            _ => Self::Permanent(error),
        }
    }
}

/// Prefixes of SQLSTATE codes that concern everybody: no connection, too many of them, no disk, shutting down, read-only
/// after a failover, and a schema or a right that is missing, as before a migration.
const AWAY: &[&str] = &["08", "53100", "53300", "57P", "58", "25006", "42P01", "42703", "42883", "42501"];
/// Those that concern one try: serialisation and deadlock, memory, timeouts, and a unique violation.
const RETRY: &[&str] = &["40", "53", "57014", "23505", "25P"];
/// A statement waited for a lock for as long as it may.
const LOCK_NOT_AVAILABLE: &str = "55P03";

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(_) => Self::Away(Dependency::Database, error.to_string()),
            StoreError::Held(_) => Self::Held(error.to_string()),
            StoreError::Retry(_) => Self::Retry(error.to_string()),
            StoreError::Permanent(_) => Self::Reject(error.to_string()),
        }
    }
}

/// Connects, waiting up to 30 s for a database that is still starting.
pub async fn connect(name: &str, settings: &DatabaseSettings) -> Result<PgPool, StoreError> {
    let pool = open(name, settings, settings.max_connections)?;
    let mut attempts = 0;
    loop {
        match check(&pool).await {
            Ok(()) => {
                tokio::spawn(measure(pool.clone()));
                return Ok(pool);
            }
            Err(error @ StoreError::Permanent(_)) => return Err(error),
            Err(error) if attempts >= 60 => return Err(error),
            Err(error) => tracing::debug!(%error, "no database yet"),
        }
        attempts += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A pool for what only reads and is waited for: apart from that of commands, so that neither takes the other's connections.
/// A statement ends a little before whoever asked stops waiting. Its transactions are read-only unless they begin otherwise
/// (`BEGIN READ WRITE`), so that no query locks a row that others wait for.
pub fn queries(name: &str, settings: &DatabaseSettings, patience: Duration) -> Result<PgPool, StoreError> {
    let most = patience.mul_f32(0.8).as_millis().max(1).to_string();
    Ok(open_with(name, settings, settings.query_connections, &most, true)?)
}

/// A pool for the one connection on which a process listens for notifications of the database.
pub fn listener(name: &str, settings: &DatabaseSettings) -> Result<PgPool, StoreError> {
    Ok(open(name, settings, 1)?)
}

/// A pool that connects when it is asked for the first connection.
pub(crate) fn open(name: &str, settings: &DatabaseSettings, most: u32) -> Result<PgPool, sqlx::Error> {
    open_with(name, settings, most, STATEMENT_TIMEOUT, false)
}

fn open_with(
    name: &str,
    settings: &DatabaseSettings,
    most: u32,
    statement_timeout: &str,
    is_read_only: bool,
) -> Result<PgPool, sqlx::Error> {
    // Our statements are short and take arrays whose lengths the planner can't know: compiling one costs twenty times
    // what running it does, and planning it anew for each batch half as much as running it. And none may wait without end
    // for a row that somebody else holds.
    let options = PgConnectOptions::from_str(settings.url.expose_secret())?.application_name(name).options([
        ("jit", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("lock_timeout", LOCK_TIMEOUT),
        ("statement_timeout", statement_timeout),
        ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
        ("default_transaction_read_only", if is_read_only { "on" } else { "off" }),
    ]);
    let acquire = Duration::from_millis(settings.acquire_timeout_ms);
    Ok(PgPoolOptions::new().max_connections(most).acquire_timeout(acquire).connect_lazy_with(options))
}

/// Tells how busy the pool is, for as long as it is open.
async fn measure(pool: PgPool) {
    let mut tick = tokio::time::interval(MEASURE);
    metrics::gauge!("database_connections_max").set(f64::from(pool.options().get_max_connections()));
    while !pool.is_closed() {
        tick.tick().await;
        let (all, idle) = (pool.size() as usize, pool.num_idle());
        metrics::gauge!("database_connections", "state" => "idle").set(idle as f64);
        metrics::gauge!("database_connections", "state" => "busy").set(all.saturating_sub(idle) as f64);
    }
}

/// A round trip to the database.
pub async fn check(pool: &PgPool) -> Result<(), StoreError> {
    sqlx::query!(r#"SELECT 1 AS "one!""#).fetch_one(pool).await?;
    Ok(())
}

/// A round trip to the broker, and one to the database.
pub async fn reachable(bus: &Bus, pool: &PgPool) -> Result<(), Unready> {
    bus.check().await.map_err(|cause| Unready::because("the broker can't be reached", &cause))?;
    check(pool).await.map_err(|cause| Unready::because("the database can't be reached", &cause))
}

/// Whether a service can do its work: the broker and the database answer.
pub fn readiness(bus: &Bus, pool: &PgPool) -> Readiness {
    let (bus, pool, described) = (bus.clone(), pool.clone(), bus.clone());
    let readiness = Readiness::new(move || {
        let (bus, pool) = (bus.clone(), pool.clone());
        async move { reachable(&bus, &pool).await }
    });
    readiness.with_status(move || described.status())
}

/// Brings the schema up to date, and lets each service at what is its own.
pub async fn migrate(pool: &PgPool, settings: &DatabaseSettings) -> Result<(), MigrateError> {
    let mut db = pool.acquire().await?;
    // A migration takes as long as there is data.
    db.execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    MIGRATIONS.run(&mut *db).await?;
    db.close().await?;
    Ok(roles::grant(pool, &settings.role_password).await?)
}
