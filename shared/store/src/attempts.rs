//! A service's memory of tries, in its own database.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sinaesta_bus::{AttemptLog, Begun, Run, Unavailable};
use sinaesta_contracts::{Partition, Service};
use sinaesta_settings::DatabaseSettings;
use sqlx::PgPool;
use uuid::Uuid;

use crate::StoreError;

/// How many connections counting takes.
const CONNECTIONS: u32 = 2;
/// The row by which it is seen whether the database takes a write.
const PROBE: &str = "probe";
/// Counts older than this are of messages that nobody has any more, in days: the broker keeps events for seven.
const KEPT_DAYS: i32 = 14;

/// What is remembered of one service's messages.
pub struct Attempts {
    pool: PgPool,
    service: &'static str,
}

impl Attempts {
    /// That of `service`. With connections of its own: whether the database is there is asked when the others are all
    /// in use, too.
    pub fn new(service: Service, settings: &DatabaseSettings) -> Result<Arc<Self>, StoreError> {
        let pool = crate::open(service.as_str(), settings, CONNECTIONS)?;
        Ok(Arc::new(Self { pool, service: service.as_str() }))
    }

    async fn probe(&self) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "INSERT INTO message_attempts (service, message) VALUES ($1, $2)
             ON CONFLICT (service, message) DO UPDATE SET changed_at = now()",
            self.service,
            PROBE,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn own(&self, partition: Partition, replica: Uuid) -> Result<bool, sqlx::Error> {
        let is_clean = sqlx::query_scalar!(
            r#"WITH before AS (
                 SELECT replica, handed_over FROM partition_owners WHERE service = $1 AND partition = $2
               ), now_own AS (
                 INSERT INTO partition_owners (service, partition, replica) VALUES ($1, $2, $3)
                 ON CONFLICT (service, partition) DO UPDATE SET replica = EXCLUDED.replica, handed_over = false
               ), swept AS (
                 DELETE FROM message_attempts WHERE service = $1 AND changed_at < now() - make_interval(days => $4)
               )
               SELECT COALESCE((SELECT handed_over OR replica = $3 FROM before), true) AS "is_clean!""#,
            self.service,
            i32::from(partition.0),
            replica,
            KEPT_DAYS,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(is_clean)
    }

    async fn disown(&self, partition: Partition, replica: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "UPDATE partition_owners SET handed_over = true WHERE service = $1 AND partition = $2 AND replica = $3",
            self.service,
            i32::from(partition.0),
            replica,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn mark(&self, messages: &[String], how: Run) -> Result<Vec<Begun>, sqlx::Error> {
        let (alone, together) = match how {
            Run::Alone => (1, 0),
            Run::Together => (0, 1),
        };
        let rows = sqlx::query!(
            r#"INSERT INTO message_attempts AS m (service, message, begun_alone, begun_together)
               SELECT DISTINCT $1, named, $3::integer, $4::integer FROM UNNEST($2::text[]) AS named ORDER BY 2
               ON CONFLICT (service, message) DO UPDATE SET begun_alone = m.begun_alone + EXCLUDED.begun_alone,
                 begun_together = m.begun_together + EXCLUDED.begun_together, changed_at = now()
               RETURNING message, begun_alone - $3 AS "alone!", begun_together - $4 AS "together!""#,
            self.service,
            messages,
            alone,
            together,
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |count: i32| u32::try_from(count).unwrap_or_default();
        let of = |name: &String| {
            let row = rows.iter().find(|row| row.message == *name);
            row.map_or(Begun::default(), |row| Begun { alone: count(row.alone), together: count(row.together) })
        };
        Ok(messages.iter().map(of).collect())
    }

    async fn fail(&self, message: &str) -> Result<u32, sqlx::Error> {
        let failed = sqlx::query_scalar!(
            "INSERT INTO message_attempts AS m (service, message, failed) VALUES ($1, $2, 1)
             ON CONFLICT (service, message) DO UPDATE SET failed = m.failed + 1, changed_at = now() RETURNING failed",
            self.service,
            message,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u32::try_from(failed).unwrap_or_default())
    }

    async fn unmark(&self, messages: &[String]) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "WITH kept AS (
               UPDATE message_attempts SET begun_alone = 0, begun_together = 0
               WHERE service = $1 AND message = ANY($2) AND failed > 0
             )
             DELETE FROM message_attempts WHERE service = $1 AND message = ANY($2) AND failed = 0",
            self.service,
            messages,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn delete(&self, messages: &[String]) -> Result<(), sqlx::Error> {
        sqlx::query!("DELETE FROM message_attempts WHERE service = $1 AND message = ANY($2)", self.service, messages)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn unavailable(error: sqlx::Error) -> Unavailable {
    Unavailable(error.to_string())
}

impl AttemptLog for Attempts {
    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        async { self.probe().await.map_err(unavailable) }.boxed()
    }

    fn take_over(&self, partition: Partition, replica: Uuid) -> BoxFuture<'_, Result<bool, Unavailable>> {
        async move { self.own(partition, replica).await.map_err(unavailable) }.boxed()
    }

    fn hand_over(&self, partition: Partition, replica: Uuid) -> BoxFuture<'_, Result<(), Unavailable>> {
        async move { self.disown(partition, replica).await.map_err(unavailable) }.boxed()
    }

    fn begin<'a>(&'a self, messages: &'a [String], how: Run) -> BoxFuture<'a, Result<Vec<Begun>, Unavailable>> {
        async move { self.mark(messages, how).await.map_err(unavailable) }.boxed()
    }

    fn count_failure<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<u32, Unavailable>> {
        async move { self.fail(message).await.map_err(unavailable) }.boxed()
    }

    fn end<'a>(&'a self, messages: &'a [String]) -> BoxFuture<'a, Result<(), Unavailable>> {
        async move { self.unmark(messages).await.map_err(unavailable) }.boxed()
    }

    fn forget<'a>(&'a self, messages: &'a [String]) -> BoxFuture<'a, Result<(), Unavailable>> {
        async move { self.delete(messages).await.map_err(unavailable) }.boxed()
    }
}
