//! What the services' stores share: the pool, the migrations, and what a database error means for a command.

mod roles;

use std::str::FromStr as _;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sinaesta_bus::{Bus, Failure};
use sinaesta_settings::DatabaseSettings;
use sinaesta_telemetry::Readiness;
use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use thiserror::Error;

pub use roles::role;

/// How often the pool is looked at.
const MEASURE: Duration = Duration::from_secs(1);

/// All migrations, embedded.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// A database error, sorted by what can be done about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database is away, overloaded, or two transactions got in each other's way: the same may succeed later.
    #[error("the database can't do this now: {0}")]
    Transient(#[source] sqlx::Error),
    /// The same will fail again.
    #[error("the database refuses this: {0}")]
    Permanent(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { Self::Transient(error) } else { Self::Permanent(error) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Transient(_) => Self::Retry(error.to_string()),
            StoreError::Permanent(_) => Self::Reject(error.to_string()),
        }
    }
}

/// SQLSTATE classes: connection, resources, operator intervention, system, serialization and deadlock; and a unique
/// violation, which two replicas can cause once, and which the repeat finds done.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            ["08", "53", "57", "58", "40"].iter().any(|class| code.starts_with(class)) || code == "23505"
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Connects, waiting up to 30 s for a database that is still starting.
pub async fn connect(name: &str, settings: &DatabaseSettings) -> Result<PgPool, StoreError> {
    // Our statements are short and take arrays whose lengths the planner can't know: compiling one costs twenty times
    // what running it does, and planning it anew for each batch half as much as running it.
    let options = PgConnectOptions::from_str(settings.url.expose_secret())?
        .application_name(name)
        .options([("jit", "off"), ("plan_cache_mode", "force_generic_plan")]);
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .connect_lazy_with(options);
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

/// Whether a service can do its work: the broker and the database answer.
pub fn readiness(bus: &Bus, pool: &PgPool) -> Readiness {
    let (bus, pool) = (bus.clone(), pool.clone());
    Readiness::new(move || {
        let (bus, pool) = (bus.clone(), pool.clone());
        async move {
            bus.check().await?;
            check(&pool).await.map_err(|error| error.to_string())
        }
    })
}

/// Brings the schema up to date, and lets each service at what is its own.
pub async fn migrate(pool: &PgPool, settings: &DatabaseSettings) -> Result<(), MigrateError> {
    MIGRATIONS.run(pool).await?;
    Ok(roles::grant(pool, &settings.role_password).await?)
}
