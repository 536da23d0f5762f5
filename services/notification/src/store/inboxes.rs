//! What is known of users' inboxes: counts and versions, preferences, and since when they sit an exam.

use std::collections::HashMap;

use sinaesta_contracts::UserId;
use sinaesta_contracts::notification::{NotificationType, Preferences, TypePreference};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// An inbox as its reader sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub unread_count: u32,
    pub version: i64,
    pub preferences: Preferences,
}

/// The inboxes of users; those who are not known are left out. Of what is committed, not within a transaction that
/// writes: only then does a higher version always tell of the newer state.
pub async fn states(db: &mut PgConnection, users: &[Uuid]) -> Result<HashMap<UserId, State>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT u.id, COALESCE(i.version, 0) + a.version AS "version!", COALESCE(i.preferences, '{}') AS "preferences!",
                  (SELECT count(*) FROM notification_seen s WHERE s.reader_id = u.id AND s.read_at IS NULL) AS "unread!"
           FROM users u CROSS JOIN notification_announcements a LEFT JOIN notification_inboxes i ON i.user_id = u.id
           WHERE u.id = ANY($1)"#,
        users,
    )
    .fetch_all(db)
    .await?;
    let state = |version, unread, preferences: &str| State {
        unread_count: u32::try_from(unread).unwrap_or(u32::MAX),
        version,
        preferences: read(preferences),
    };
    Ok(rows.into_iter().map(|row| (UserId(row.id), state(row.version, row.unread, &row.preferences))).collect())
}

/// Which of these users there are.
pub async fn known(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<UserId>, StoreError> {
    let ids = sqlx::query_scalar!("SELECT id FROM users WHERE id = ANY($1)", users).fetch_all(db).await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Holds these users' inboxes until the transaction ends: whatever changes one waits for that, and everything that is read
/// from now on is as it was left. Whoever has none yet gets an empty one. Always the inboxes first, in the order of the
/// users' ids, then the announcements.
pub async fn hold(db: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notification_inboxes (user_id) SELECT DISTINCT u FROM UNNEST($1::uuid[]) AS u
         WHERE NOT EXISTS (SELECT FROM notification_inboxes i WHERE i.user_id = u) ORDER BY u
         ON CONFLICT (user_id) DO NOTHING",
        users,
    )
    .execute(&mut *db)
    .await?;
    // By a statement of its own, which sees what was committed while this one waited.
    sqlx::query!("SELECT FROM notification_inboxes WHERE user_id = ANY($1) ORDER BY user_id FOR NO KEY UPDATE", users,)
        .execute(db)
        .await?;
    Ok(())
}

/// Holds the announcements likewise.
pub async fn hold_announcements(db: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("SELECT FROM notification_announcements FOR NO KEY UPDATE").execute(db).await?;
    Ok(())
}

/// Counts a change of each of these users' inboxes.
pub async fn touch(db: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    mutant!("badge-keeps-its-version", return Ok(()));
    sqlx::query!("UPDATE notification_inboxes SET version = version + 1 WHERE user_id = ANY($1)", users)
        .execute(db)
        .await?;
    Ok(())
}

/// The user's own part of each version.
pub async fn own_versions(db: &mut PgConnection, users: &[Uuid]) -> Result<HashMap<UserId, i64>, StoreError> {
    let rows = sqlx::query!("SELECT user_id, version FROM notification_inboxes WHERE user_id = ANY($1)", users)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.version)).collect())
}

/// Counts a change of the announcements.
pub async fn touch_announcements(db: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("UPDATE notification_announcements SET version = version + 1").execute(db).await?;
    Ok(())
}

/// A user's preferences.
pub async fn preferences(db: &mut PgConnection, user: UserId) -> Result<Preferences, StoreError> {
    let text = sqlx::query_scalar!("SELECT preferences FROM notification_inboxes WHERE user_id = $1", user.0)
        .fetch_optional(db)
        .await?;
    Ok(read(&text.unwrap_or_default()))
}

/// Stores a user's preferences, and counts that as a change.
pub async fn set_preferences(db: &mut PgConnection, user: UserId, preferences: &Preferences) -> Result<(), StoreError> {
    let is_off = |kind: &NotificationType| preferences.of(*kind).is_some_and(|one| !one.enabled);
    let off: Vec<&str> = NotificationType::ALL.iter().filter(|kind| is_off(kind)).map(|kind| kind.as_str()).collect();
    sqlx::query!(
        "UPDATE notification_inboxes SET preferences = $2, types_off = $3, version = version + 1 WHERE user_id = $1",
        user.0,
        serde_json::to_string(preferences).unwrap_or_default(),
        &off as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is stored, and the default for whatever is not; what can't be read counts as not stored.
fn read(text: &str) -> Preferences {
    let mut preferences: Preferences = serde_json::from_str(text).unwrap_or_default();
    for kind in NotificationType::ALL {
        if preferences.of(kind).is_none() {
            preferences.set(kind, TypePreference::default());
        }
    }
    preferences
}

/// Holds back what comes from now on for those who sit an exam, and nothing any more for those who do not; gives those
/// for whom that is another moment than before. Their inboxes must be held: whoever else changes what they sit waits
/// for that.
pub async fn update_holds(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let changed = sqlx::query_scalar!(
        "UPDATE notification_inboxes i SET held_since = held.since
         FROM (SELECT u, (SELECT min(s.started_at) FROM notification_sittings s WHERE s.user_id = u AND s.ended_at IS NULL)
               FROM UNNEST($1::uuid[]) AS u) AS held (u, since)
         WHERE i.user_id = held.u AND i.held_since IS DISTINCT FROM held.since RETURNING i.user_id",
        users,
    )
    .fetch_all(db)
    .await?;
    Ok(changed)
}
