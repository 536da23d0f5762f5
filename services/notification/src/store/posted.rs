//! Messages of rooms of which chat could not say who is away.

use sinaesta_contracts::RoomId;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

/// An event that is put off.
#[derive(Debug, Clone)]
pub struct PutOff {
    pub event_id: String,
    pub room_id: RoomId,
    /// JSON.
    pub messages: String,
    pub due_at: OffsetDateTime,
}

/// Puts events off; one that is put off already stays as it is.
pub async fn put_off(db: &mut PgConnection, events: &[PutOff]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notification_posted (event_id, room_id, messages, due_at)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS new (e, r, m, d) ORDER BY e
         ON CONFLICT (event_id) DO NOTHING",
        &events.iter().map(|one| one.event_id.as_str()).collect::<Vec<_>>() as &[&str],
        &events.iter().map(|one| one.room_id.as_str()).collect::<Vec<_>>() as &[&str],
        &events.iter().map(|one| one.messages.as_str()).collect::<Vec<_>>() as &[&str],
        &events.iter().map(|one| one.due_at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An event that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub event_id: String,
    pub room_id: String,
    /// JSON.
    pub messages: String,
    /// How often it was taken, with this time.
    pub attempts: i32,
    /// Until then it is its taker's.
    pub taken_until: OffsetDateTime,
}

/// Takes what is due. Should the taker die, it is due again after `lease`.
pub async fn take(
    db: &mut PgConnection,
    at: OffsetDateTime,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Taken>, StoreError> {
    let taken = sqlx::query_as!(
        Taken,
        r#"WITH due AS MATERIALIZED (
             SELECT event_id FROM notification_posted WHERE due_at <= $1
             ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           UPDATE notification_posted p SET due_at = $2, attempts = p.attempts + 1 FROM due
           WHERE p.event_id = due.event_id
           RETURNING p.event_id, p.room_id, p.messages, p.attempts, p.due_at AS taken_until"#,
        at,
        at + lease,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(taken)
}

/// Takes what was taken out of the queue.
pub async fn done(db: &mut PgConnection, one: &Taken) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM notification_posted WHERE event_id = $1 AND due_at = $2", one.event_id, one.taken_until,)
        .execute(db)
        .await?;
    Ok(())
}

/// Puts what was taken off again.
pub async fn put_back(db: &mut PgConnection, one: &Taken, until: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notification_posted SET due_at = $3 WHERE event_id = $1 AND due_at = $2",
        one.event_id,
        one.taken_until,
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}
