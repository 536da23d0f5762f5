//! What is urgent is told again until it is read.

use std::collections::HashMap;

use sinaesta_contracts::{NotificationId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Something urgent that is due to be told again: whose it is, and since when it is due.
pub type Due = (NotificationId, Option<UserId>, OffsetDateTime);

/// Urgent notifications that are due at a moment and have been for no longer than since `from`, save those that are
/// passed over.
pub async fn to_repeat(
    db: &mut PgConnection,
    (from, at): (OffsetDateTime, OffsetDateTime),
    passed_over: &[Due],
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, user_id, repeat_at AS "repeat_at!" FROM notifications n
           WHERE repeat_at > $1 AND repeat_at <= $2 AND NOT EXISTS (
             SELECT FROM UNNEST($3::uuid[], $4::timestamptz[]) AS over (i, d) WHERE (i, d) = (n.id, n.repeat_at))
           ORDER BY repeat_at LIMIT $5"#,
        from,
        at,
        &passed_over.iter().map(|(id, ..)| id.0).collect::<Vec<_>>() as &[Uuid],
        &passed_over.iter().map(|(.., due)| *due).collect::<Vec<_>>() as &[OffsetDateTime],
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (NotificationId(row.id), row.user_id.map(UserId), row.repeat_at)).collect())
}

/// An urgent notification, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Urgent {
    pub id: Uuid,
    /// Empty: an announcement.
    pub user_id: Option<Uuid>,
    /// When it is due to be told again; empty once it is read, withdrawn, or was told often enough.
    pub repeat_at: Option<OffsetDateTime>,
    pub repeats_left: i16,
    /// The command that told of it last.
    pub caused_by: Uuid,
}

/// Urgent notifications, held until the transaction ends.
pub async fn hold_urgent(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Urgent>, StoreError> {
    let rows = sqlx::query_as!(
        Urgent,
        "SELECT id, user_id, repeat_at, repeats_left, caused_by FROM notifications
         WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Notes that urgent notifications are told again, by which command, and when they are next.
pub async fn repeat(db: &mut PgConnection, repeated: &[Urgent]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notifications n SET repeat_at = new.at, repeats_left = new.times, caused_by = new.by
         FROM UNNEST($1::uuid[], $2::timestamptz[], $3::smallint[], $4::uuid[]) AS new (id, at, times, by)
         WHERE n.id = new.id",
        &repeated.iter().map(|one| one.id).collect::<Vec<_>>() as &[Uuid],
        &repeated.iter().map(|one| one.repeat_at).collect::<Vec<_>>() as &[Option<OffsetDateTime>],
        &repeated.iter().map(|one| one.repeats_left).collect::<Vec<_>>() as &[i16],
        &repeated.iter().map(|one| one.caused_by).collect::<Vec<_>>() as &[Uuid],
    )
    .execute(db)
    .await?;
    Ok(())
}
