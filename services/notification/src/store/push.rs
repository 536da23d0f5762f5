//! Browsers that want to be told while they are closed, and what is to be pushed to them.

use sinaesta_contracts::notification::{NotificationType, Priority};
use sinaesta_contracts::{NotificationId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
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

/// Puts what these readers see into the queue, for every browser of theirs; not what is of low priority.
pub async fn enqueue(
    db: &mut PgConnection,
    readers: &[(UserId, NotificationId)],
    due_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO push_queue (notification_id, endpoint, due_at)
         SELECT s.id, p.endpoint, $3 FROM UNNEST($1::uuid[], $2::uuid[]) AS asked (u, n)
         JOIN push_subscriptions p ON p.user_id = asked.u
         CROSS JOIN LATERAL (
           SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.id = asked.n OFFSET 0
         ) s
         WHERE s.priority <> 'low' AND s.read_at IS NULL
         ON CONFLICT (notification_id, endpoint) DO UPDATE SET due_at = EXCLUDED.due_at, attempts = 0",
        &readers.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &readers.iter().map(|(_, id)| id.0).collect::<Vec<_>>() as &[Uuid],
        due_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The same for announcements, and all of their readers.
pub async fn enqueue_announced(db: &mut PgConnection, ids: &[Uuid], due_at: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO push_queue (notification_id, endpoint, due_at)
         SELECT s.id, p.endpoint, $2 FROM UNNEST($1::uuid[]) AS asked (n) CROSS JOIN push_subscriptions p
         CROSS JOIN LATERAL (
           SELECT * FROM notification_seen v WHERE v.reader_id = p.user_id AND v.id = asked.n OFFSET 0
         ) s
         WHERE s.priority <> 'low' AND s.read_at IS NULL
         ON CONFLICT (notification_id, endpoint) DO UPDATE SET due_at = EXCLUDED.due_at, attempts = 0",
        ids,
        due_at,
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
    /// How often it failed before.
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

/// Takes what is due; should the taker die, it is due again at `again_at`.
pub async fn take(
    db: &mut PgConnection,
    now: OffsetDateTime,
    again_at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Queued>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH due AS MATERIALIZED (
             SELECT notification_id, endpoint FROM push_queue WHERE due_at <= $1
             ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
           ), taken AS (
             UPDATE push_queue q SET due_at = $2 FROM due
             WHERE q.notification_id = due.notification_id AND q.endpoint = due.endpoint
             RETURNING q.notification_id, q.endpoint, q.attempts
           )
           SELECT t.notification_id, t.endpoint, t.attempts, p.user_id, p.p256dh, p.auth, s.type AS "type?",
                  s.priority AS "priority?", s.title AS "title?", s.message AS "message?", s.action_url AS "action_url?",
                  s.is_told AS "is_told?", s.updated_at AS "updated_at?"
           FROM taken t JOIN push_subscriptions p ON p.endpoint = t.endpoint
           LEFT JOIN LATERAL (
             SELECT * FROM notification_seen v
             WHERE v.reader_id = p.user_id AND v.id = t.notification_id AND v.read_at IS NULL OFFSET 0
           ) s ON true"#,
        now,
        again_at,
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
            taken_until: again_at,
            content: row.title.zip(row.message).map(|(title, message)| Content {
                kind: row.r#type.as_deref().and_then(NotificationType::from_name).unwrap_or(NotificationType::System),
                priority: row.priority.as_deref().and_then(Priority::from_name).unwrap_or_default(),
                title,
                message,
                action_url: row.action_url,
                is_held: row.is_told == Some(false),
                updated_at: row.updated_at.unwrap_or(now),
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

/// Puts what was taken off; `has_failed` counts that as an attempt.
pub async fn put_off(
    db: &mut PgConnection,
    one: &Queued,
    until: OffsetDateTime,
    has_failed: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE push_queue SET due_at = $4, attempts = attempts + $5
         WHERE notification_id = $1 AND endpoint = $2 AND due_at = $3",
        one.notification_id.0,
        one.endpoint,
        one.taken_until,
        until,
        i32::from(has_failed),
    )
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sinaesta_testkit::TestDatabase;

    use super::*;

    #[tokio::test]
    async fn what_is_queued_anew_while_it_is_pushed_stays_in_the_queue() {
        let database = TestDatabase::create().await.unwrap();
        let mut db = database.pool.acquire().await.unwrap();
        sqlx::raw_sql(
            "INSERT INTO users (id, name, role, created_at) VALUES (md5('u')::uuid, 'U', 'STUDENT', now());
             INSERT INTO notifications (id, user_id, type, priority, title, message, data, sent_by, caused_by, created_at, updated_at)
             VALUES (md5('n')::uuid, md5('u')::uuid, 'SYSTEM', 'urgent', 'T', 'M', 'null', md5('u')::uuid, md5('c')::uuid, now(), now());
             INSERT INTO push_subscriptions (endpoint, user_id, p256dh, auth, created_at) VALUES ('e', md5('u')::uuid, '', '', now());
             INSERT INTO push_queue (notification_id, endpoint, due_at) VALUES (md5('n')::uuid, 'e', '1970-01-01');",
        )
        .execute(&mut *db)
        .await
        .unwrap();
        let (now, minute) = (OffsetDateTime::UNIX_EPOCH, time::Duration::MINUTE);
        let taken = take(&mut db, now, now + minute, 10).await.unwrap();
        let [one] = taken.as_slice() else { panic!("{taken:?}") };
        enqueue(&mut db, &[(one.user_id, one.notification_id)], now).await.unwrap();
        done(&mut db, one).await.unwrap();
        put_off(&mut db, one, now + minute, true).await.unwrap();
        let again = take(&mut db, now, now + minute, 10).await.unwrap();
        assert_eq!(again.iter().map(|one| one.attempts).collect::<Vec<_>>(), [0]);
        done(&mut db, &again[0]).await.unwrap();
        assert!(take(&mut db, now + minute, now + minute, 10).await.unwrap().is_empty());
    }
}
