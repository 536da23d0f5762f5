//! Notifications as their readers see them: all of it reads the view that says who sees what.
//!
//! Each reader is asked for by `LATERAL … OFFSET 0`: joined in any other way, the planner computes the view for everybody.

use std::collections::HashMap;

use sinaesta_contracts::notification::{Notification, NotificationType, Priority};
use sinaesta_contracts::{NotificationId, SessionId, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::bounds;

/// A row as it is read.
struct Row {
    reader_id: Uuid,
    id: Uuid,
    r#type: String,
    priority: String,
    title: String,
    message: String,
    data: String,
    action_url: Option<String>,
    first_seq: Option<i64>,
    last_seq: Option<i64>,
    caused_by: Uuid,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    read_at: Option<OffsetDateTime>,
}

/// A notification, and the command that made it or changed it last.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub notification: Notification,
    pub caused_by: Uuid,
}

impl From<Row> for Seen {
    fn from(row: Row) -> Self {
        let count = row.last_seq.zip(row.first_seq).map_or(1, |(last, first)| last.saturating_sub(first) + 1);
        let notification = Notification {
            id: NotificationId(row.id),
            user_id: UserId(row.reader_id),
            kind: NotificationType::from_name(&row.r#type).unwrap_or(NotificationType::System),
            title: row.title,
            message: row.message,
            data: serde_json::from_str(&row.data).unwrap_or_default(),
            is_read: row.read_at.is_some(),
            priority: Priority::from_name(&row.priority).unwrap_or_default(),
            action_url: row.action_url,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        };
        Self { notification: bounds::bounded(notification), caused_by: row.caused_by }
    }
}

/// Those among these that their readers see, read or not.
pub async fn find(db: &mut PgConnection, wanted: &[(UserId, NotificationId)]) -> Result<Vec<Seen>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT s.reader_id AS "reader_id!", s.id AS "id!", type AS "type!", priority AS "priority!", title AS "title!",
                  message AS "message!", data AS "data!", action_url, first_seq, last_seq, caused_by AS "caused_by!",
                  created_at AS "created_at!", updated_at AS "updated_at!", read_at
           FROM (SELECT DISTINCT * FROM UNNEST($1::uuid[], $2::uuid[]) AS pairs (u, n)) AS asked
           CROSS JOIN LATERAL (SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.id = asked.n OFFSET 0) s"#,
        &wanted.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &wanted.iter().map(|(_, id)| id.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Seen::from).collect())
}

/// Those among these that are unread and that their readers are to be told of now.
pub async fn to_tell(db: &mut PgConnection, wanted: &[(UserId, NotificationId)]) -> Result<Vec<Seen>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT s.reader_id AS "reader_id!", s.id AS "id!", type AS "type!", priority AS "priority!", title AS "title!",
                  message AS "message!", data AS "data!", action_url, first_seq, last_seq, caused_by AS "caused_by!",
                  created_at AS "created_at!", updated_at AS "updated_at!", read_at
           FROM (SELECT DISTINCT * FROM UNNEST($1::uuid[], $2::uuid[]) AS pairs (u, n)) AS asked
           CROSS JOIN LATERAL (SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.id = asked.n OFFSET 0) s
           WHERE s.read_at IS NULL AND s.is_told"#,
        &wanted.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &wanted.iter().map(|(_, id)| id.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Seen::from).collect())
}

/// What came while sittings lasted, unread, for each the latest so many, oldest first.
pub async fn held_back(
    db: &mut PgConnection,
    sessions: &[SessionId],
    limit: i64,
) -> Result<Vec<(SessionId, NotificationId)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT sat.session_id, s.id AS "id!"
           FROM notification_sittings sat CROSS JOIN LATERAL (
             SELECT * FROM notification_seen n
             WHERE n.reader_id = sat.user_id AND n.read_at IS NULL AND n.is_told AND n.updated_at >= sat.started_at
             ORDER BY n.updated_at DESC, n.id DESC LIMIT $2
           ) s
           WHERE sat.session_id = ANY($1) AND sat.ended_at IS NOT NULL
           ORDER BY sat.session_id, s.updated_at, s.id"#,
        &sessions.iter().map(|id| id.0).collect::<Vec<_>>() as &[Uuid],
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (SessionId(row.session_id), NotificationId(row.id))).collect())
}

/// The latest of each user, newest first.
pub async fn latest(
    db: &mut PgConnection,
    users: &[Uuid],
    limit: i64,
) -> Result<HashMap<UserId, Vec<Notification>>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT s.reader_id AS "reader_id!", s.id AS "id!", type AS "type!", priority AS "priority!", title AS "title!",
                  message AS "message!", data AS "data!", action_url, first_seq, last_seq, caused_by AS "caused_by!",
                  created_at AS "created_at!", updated_at AS "updated_at!", read_at
           FROM UNNEST($1::uuid[]) AS asked (u) CROSS JOIN LATERAL (
             SELECT * FROM notification_seen n WHERE n.reader_id = asked.u
             ORDER BY n.updated_at DESC, n.id DESC LIMIT $2
           ) s
           ORDER BY s.reader_id, s.updated_at DESC, s.id DESC"#,
        users,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(by_reader(rows))
}

fn by_reader(rows: Vec<Row>) -> HashMap<UserId, Vec<Notification>> {
    let mut readers: HashMap<UserId, Vec<Notification>> = HashMap::new();
    for seen in rows.into_iter().map(Seen::from) {
        readers.entry(seen.notification.user_id).or_default().push(seen.notification);
    }
    readers
}

/// Where a notification stands in its reader's list.
pub async fn place(
    db: &mut PgConnection,
    user: UserId,
    id: NotificationId,
) -> Result<Option<(OffsetDateTime, Uuid)>, StoreError> {
    let at = sqlx::query_scalar!(
        r#"SELECT updated_at AS "at!" FROM notification_seen WHERE reader_id = $1 AND id = $2"#,
        user.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(at.map(|at| (at, id.0)))
}

/// A page of a user's list, newest first, from after `before` on.
pub async fn page(
    db: &mut PgConnection,
    user: UserId,
    before: Option<(OffsetDateTime, Uuid)>,
    unread_only: bool,
    limit: i64,
) -> Result<Vec<Notification>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT reader_id AS "reader_id!", id AS "id!", type AS "type!", priority AS "priority!", title AS "title!",
                  message AS "message!", data AS "data!", action_url, first_seq, last_seq, caused_by AS "caused_by!",
                  created_at AS "created_at!", updated_at AS "updated_at!", read_at
           FROM notification_seen
           WHERE reader_id = $1 AND ($2::timestamptz IS NULL OR (updated_at, id) < ($2, $3::uuid))
             AND (read_at IS NULL OR NOT $4)
           ORDER BY updated_at DESC, id DESC LIMIT $5"#,
        user.0,
        before.map(|(at, _)| at),
        before.map(|(_, id)| id),
        unread_only,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| Seen::from(row).notification).collect())
}
