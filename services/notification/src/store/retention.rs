//! What is too old to be kept is removed a little at a time, so that nothing waits for it.

use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Removes notifications that were read before `until`; gives how many.
pub async fn remove_read(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM notifications WHERE id IN (
           SELECT id FROM notifications WHERE read_at < $1 ORDER BY read_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
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
        "WITH exams AS (DELETE FROM notification_exams WHERE exam_id IN (
           SELECT exam_id FROM notification_exams WHERE starts_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
         DELETE FROM notification_sittings WHERE session_id IN (
           SELECT session_id FROM notification_sittings WHERE ended_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Whether there is an announcement from before `until`.
pub async fn has_old_announcement(db: &mut PgConnection, until: OffsetDateTime) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM notifications WHERE user_id IS NULL AND created_at < $1) AS "found!""#,
        until
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Removes announcements from before `until`; says which.
pub async fn remove_announcements(
    db: &mut PgConnection,
    until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "DELETE FROM notifications WHERE id IN (
           SELECT id FROM notifications WHERE user_id IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2)
         RETURNING id",
        until,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
