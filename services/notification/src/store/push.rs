//! Browsers that want to be told while they are closed, and what is to be pushed to them.

use sinaesta_contracts::notification::{NotificationType, Priority};
use sinaesta_contracts::{NotificationId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;
use uuid::Uuid;

/// How many browsers one user may have: a new one takes the place of the oldest.
const MOST_SUBSCRIPTIONS: i64 = 20;

/// The key as PEM: the one that is stored, or this new one if none is.
pub async fn key(db: &mut PgConnection, new: &str) -> Result<String, StoreError> {
    sqlx::query!("INSERT INTO push_keys (private_key) VALUES ($1) ON CONFLICT DO NOTHING", new)
        .execute(&mut *db)
        .await?;
    Ok(sqlx::query_scalar!("SELECT private_key FROM push_keys").fetch_one(db).await?)
}

/// Stores a browser, which from now on is this user's, whoever used it before.
pub async fn subscribe(
    db: &mut PgConnection,
    user: UserId,
    endpoint: &str,
    (p256dh, auth): (&[u8], &[u8]),
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO push_subscriptions (endpoint, user_id, p256dh, auth, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (endpoint) DO UPDATE SET user_id = EXCLUDED.user_id, p256dh = EXCLUDED.p256dh,
           auth = EXCLUDED.auth, created_at = EXCLUDED.created_at",
        endpoint,
        user.0,
        p256dh,
        auth,
        at,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM push_subscriptions WHERE endpoint IN (
           SELECT endpoint FROM push_subscriptions WHERE user_id = $1 ORDER BY created_at DESC, endpoint OFFSET $2)",
        user.0,
        MOST_SUBSCRIPTIONS,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets a user's browser.
pub async fn unsubscribe(db: &mut PgConnection, user: UserId, endpoint: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM push_subscriptions WHERE endpoint = $1 AND user_id = $2", endpoint, user.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets a browser that its push service no longer knows.
pub async fn forget(db: &mut PgConnection, endpoint: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM push_subscriptions WHERE endpoint = $1", endpoint).execute(db).await?;
    Ok(())
}

/// Puts what these readers see into the queue, for every browser of theirs, each due at its moment; not what is of low
/// priority. Browsers are held meanwhile: one that is forgotten at this moment is waited for, and left out.
pub async fn enqueue(
    db: &mut PgConnection,
    readers: &[(UserId, NotificationId, OffsetDateTime)],
) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH asked AS MATERIALIZED (
           SELECT DISTINCT ON (u, n) u, n, due FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS asked (u, n, due)
           ORDER BY u, n, due
         ), browsers AS MATERIALIZED (
           SELECT asked.u, asked.n, asked.due, p.endpoint FROM asked JOIN push_subscriptions p ON p.user_id = asked.u
           ORDER BY p.endpoint FOR KEY SHARE OF p
         )
         INSERT INTO push_queue (notification_id, endpoint, due_at)
         SELECT s.id, b.endpoint, b.due FROM browsers b
         CROSS JOIN LATERAL (
           SELECT * FROM notification_seen v WHERE v.reader_id = b.u AND v.id = b.n OFFSET 0
         ) s
         WHERE s.priority <> 'low' AND s.read_at IS NULL ORDER BY s.id, b.endpoint
         ON CONFLICT (notification_id, endpoint) DO UPDATE SET due_at = EXCLUDED.due_at, attempts = 0",
        &readers.iter().map(|(user, ..)| user.0).collect::<Vec<_>>() as &[Uuid],
        &readers.iter().map(|(_, id, _)| id.0).collect::<Vec<_>>() as &[Uuid],
        &readers.iter().map(|(.., due)| *due).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The same for announcements, and all of their readers.
pub async fn enqueue_announced(
    db: &mut PgConnection,
    announced: &[(NotificationId, OffsetDateTime)],
) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH asked AS MATERIALIZED (
           SELECT DISTINCT ON (n) n, due FROM UNNEST($1::uuid[], $2::timestamptz[]) AS asked (n, due) ORDER BY n, due
         ), browsers AS MATERIALIZED (
           SELECT endpoint, user_id FROM push_subscriptions ORDER BY endpoint FOR KEY SHARE
         )
         INSERT INTO push_queue (notification_id, endpoint, due_at)
         SELECT s.id, b.endpoint, asked.due FROM asked CROSS JOIN browsers b
         CROSS JOIN LATERAL (
           SELECT * FROM notification_seen v WHERE v.reader_id = b.user_id AND v.id = asked.n OFFSET 0
         ) s
         WHERE s.priority <> 'low' AND s.read_at IS NULL ORDER BY s.id, b.endpoint
         ON CONFLICT (notification_id, endpoint) DO UPDATE SET due_at = EXCLUDED.due_at, attempts = 0",
        &announced.iter().map(|(id, _)| id.0).collect::<Vec<_>>() as &[Uuid],
        &announced.iter().map(|(_, due)| *due).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Something that is to be pushed to a browser.
#[derive(Debug, Clone)]
pub struct Queued {
    pub notification_id: NotificationId,
    pub endpoint: String,
    pub user_id: UserId,
    pub p256dh: Vec<u8>,
    pub auth: Vec<u8>,
    /// How often it was taken to be pushed, with this time.
    pub attempts: i32,
    /// Until then it is its taker's. Another moment than that: it was queued anew meanwhile, and is somebody else's.
    pub taken_until: OffsetDateTime,
    /// Empty: there is nothing to push any more, it was read or is not seen.
    pub content: Option<Content>,
}

/// What is pushed.
#[derive(Debug, Clone)]
pub struct Content {
    pub kind: NotificationType,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub action_url: Option<String>,
    /// Held back by an exam that its reader sits: later.
    pub is_held: bool,
    pub updated_at: OffsetDateTime,
}

/// Takes what is due at a moment. Should the taker die, it is due again after `lease`; the more often that happens, the later.
pub async fn take(
    db: &mut PgConnection,
    at: OffsetDateTime,
    lease: time::Duration,
    limit: i64,
) -> Result<Vec<Queued>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH due AS MATERIALIZED (
             SELECT notification_id, endpoint FROM push_queue WHERE due_at <= $1
             ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
           ), taken AS (
             UPDATE push_queue q SET due_at = $1 + $2::interval * LEAST(q.attempts + 1, 60), attempts = q.attempts + 1 FROM due
             WHERE q.notification_id = due.notification_id AND q.endpoint = due.endpoint
             RETURNING q.notification_id, q.endpoint, q.attempts, q.due_at
           )
           SELECT t.notification_id, t.endpoint, t.attempts, t.due_at, p.user_id, p.p256dh, p.auth, s.type AS "type?",
                  s.priority AS "priority?", s.title AS "title?", s.message AS "message?", s.action_url AS "action_url?",
                  s.is_told AS "is_told?", s.updated_at AS "updated_at?"
           FROM taken t JOIN push_subscriptions p ON p.endpoint = t.endpoint
           LEFT JOIN LATERAL (
             SELECT * FROM notification_seen v
             WHERE v.reader_id = p.user_id AND v.id = t.notification_id AND v.read_at IS NULL OFFSET 0
           ) s ON true"#,
        at,
        PgInterval { months: 0, days: 0, microseconds: lease.whole_microseconds().try_into().unwrap_or(i64::MAX) },
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Queued {
            notification_id: NotificationId(row.notification_id),
            endpoint: row.endpoint,
            user_id: UserId(row.user_id),
            p256dh: row.p256dh,
            auth: row.auth,
            attempts: row.attempts,
            taken_until: row.due_at,
            content: row.title.zip(row.message).map(|(title, message)| Content {
                kind: row.r#type.as_deref().and_then(NotificationType::from_name).unwrap_or(NotificationType::System),
                priority: row.priority.as_deref().and_then(Priority::from_name).unwrap_or_default(),
                title,
                message,
                action_url: row.action_url,
                is_held: row.is_told == Some(false),
                updated_at: row.updated_at.unwrap_or(at),
            }),
        })
        .collect())
}

/// Takes what was taken out of the queue.
pub async fn done(db: &mut PgConnection, one: &Queued) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM push_queue WHERE notification_id = $1 AND endpoint = $2 AND due_at = $3",
        one.notification_id.0,
        one.endpoint,
        one.taken_until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts what was taken off; `is_attempt` counts that as an attempt.
pub async fn put_off(
    db: &mut PgConnection,
    one: &Queued,
    until: OffsetDateTime,
    is_attempt: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE push_queue SET due_at = $4, attempts = attempts - $5
         WHERE notification_id = $1 AND endpoint = $2 AND due_at = $3",
        one.notification_id.0,
        one.endpoint,
        one.taken_until,
        until,
        i32::from(!is_attempt),
    )
    .execute(db)
    .await?;
    Ok(())
}
