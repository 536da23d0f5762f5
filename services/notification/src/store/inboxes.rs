//! What is known of users' inboxes: counts and versions, preferences, and since when they sit an exam.

use std::collections::HashMap;

use sinaesta_contracts::UserId;
use sinaesta_contracts::notification::{NotificationType, Preferences, TypePreference};
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

/// Counts a change of each of these users' inboxes, and holds them until the transaction ends.
pub async fn touch(db: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notification_inboxes AS i (user_id, version)
         SELECT DISTINCT u, 1 FROM UNNEST($1::uuid[]) AS u ORDER BY u
         ON CONFLICT (user_id) DO UPDATE SET version = i.version + 1",
        users,
    )
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

/// A user's preferences, held until the transaction ends.
pub async fn hold_preferences(db: &mut PgConnection, user: UserId) -> Result<Preferences, StoreError> {
    let text = sqlx::query_scalar!(
        "INSERT INTO notification_inboxes AS i (user_id) VALUES ($1)
         ON CONFLICT (user_id) DO UPDATE SET version = i.version
         RETURNING preferences",
        user.0,
    )
    .fetch_one(db)
    .await?;
    Ok(read(&text))
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

/// Holds back what comes from now on for those who sit an exam, and nothing any more for those who do not. Their
/// inboxes must be touched before in the same transaction: whoever else changes what they sit waits for that.
pub async fn update_holds(db: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notification_inboxes i SET held_since = (
           SELECT min(s.started_at) FROM notification_sittings s WHERE s.user_id = i.user_id AND s.ended_at IS NULL)
         WHERE i.user_id = ANY($1)",
        users,
    )
    .execute(db)
    .await?;
    Ok(())
}
