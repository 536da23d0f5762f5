//! What is too old to be kept is removed a little at a time, so that nothing waits for it.

use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Removes notifications that were read before `until`; gives how many. That they were is their own; what may still
/// come of them is long over: a repeat of whatever made them comes within minutes.
pub async fn remove_read(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH old AS MATERIALIZED (
           SELECT id FROM notifications WHERE read_at < $1 ORDER BY read_at LIMIT $2 FOR UPDATE SKIP LOCKED)
         DELETE FROM notifications n USING old WHERE n.id = old.id",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes what is left of announcements that were withdrawn before `until`: read marks first; gives how many rows.
pub async fn remove_withdrawn(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let reads = sqlx::query!(
        "WITH old AS MATERIALIZED (
           SELECT r.notification_id, r.user_id FROM notifications n JOIN notification_reads r ON r.notification_id = n.id
           WHERE n.removed_at < $1 LIMIT $2 FOR UPDATE OF r SKIP LOCKED)
         DELETE FROM notification_reads r USING old
         WHERE r.notification_id = old.notification_id AND r.user_id = old.user_id",
        until,
        limit,
    )
    .execute(&mut *db)
    .await?
    .rows_affected();
    if reads > 0 {
        return Ok(reads);
    }
    let done = sqlx::query!(
        "WITH old AS MATERIALIZED (
           SELECT n.id FROM notifications n WHERE n.removed_at < $1
             AND NOT EXISTS (SELECT FROM notification_reads r WHERE r.notification_id = n.id)
           LIMIT $2 FOR UPDATE SKIP LOCKED)
         DELETE FROM notifications n USING old WHERE n.id = old.id",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets sittings that ended before `until`, and exams that began before it.
pub async fn forget_exams(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH exams AS MATERIALIZED (
           SELECT exam_id FROM notification_exams WHERE starts_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
         ), gone AS (DELETE FROM notification_exams e USING exams WHERE e.exam_id = exams.exam_id
         ), old AS MATERIALIZED (
           SELECT session_id FROM notification_sittings WHERE ended_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
         DELETE FROM notification_sittings s USING old WHERE s.session_id = old.session_id",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets that commands were done before `until`; gives how many.
pub async fn forget_commands(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH old AS MATERIALIZED (
           SELECT command_id FROM notification_commands WHERE done_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
         DELETE FROM notification_commands c USING old WHERE c.command_id = old.command_id",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// When the oldest announcement from before `until` was made, if there is one.
pub async fn oldest_announcement(
    db: &mut PgConnection,
    until: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let oldest = sqlx::query_scalar!(
        "SELECT created_at FROM notifications
         WHERE user_id IS NULL AND removed_by IS NULL AND created_at < $1 ORDER BY created_at LIMIT 1",
        until
    )
    .fetch_optional(db)
    .await?;
    Ok(oldest)
}

/// Withdraws announcements from before `until`: nobody sees them any more; gives how many.
pub async fn withdraw(
    db: &mut PgConnection,
    until: OffsetDateTime,
    limit: i64,
    by: Uuid,
    at: OffsetDateTime,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH old AS MATERIALIZED (
           SELECT id FROM notifications WHERE user_id IS NULL AND removed_by IS NULL AND created_at < $1
           ORDER BY created_at LIMIT $2 FOR UPDATE)
         UPDATE notifications n SET removed_by = $3, removed_at = $4, repeat_at = NULL FROM old WHERE n.id = old.id",
        until,
        limit,
        by,
        at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// What a command withdrew, always in the same order.
pub async fn withdrawn_by(db: &mut PgConnection, by: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM notifications WHERE user_id IS NULL AND removed_by = $1 ORDER BY created_at, id",
        by
    );
    Ok(ids.fetch_all(db).await?)
}
