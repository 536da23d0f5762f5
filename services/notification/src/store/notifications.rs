//! Notifications as they are written.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::notification::{NotificationType, Priority, Recipients};
use sinaesta_contracts::{ExamId, NotificationId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::rooms::topic;

/// Whom a notification is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum For {
    User(UserId),
    Audience(Recipients),
    /// Students of an exam's specialty or of none, and those who have a session in it.
    Exam(ExamId, String),
}

/// A notification that is to be stored.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: NotificationId,
    pub for_whom: For,
    pub kind: NotificationType,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    /// JSON.
    pub data: String,
    pub action_url: Option<String>,
    /// The room whose messages it gathers, and the first and the last of them.
    pub room: Option<(RoomId, i64, i64)>,
    pub sent_by: UserId,
    /// The command that makes it.
    pub caused_by: Uuid,
    pub at: OffsetDateTime,
    /// How often it is told again, and when first.
    pub repeats: Option<(i16, OffsetDateTime)>,
}

impl Draft {
    fn user(&self) -> Option<Uuid> {
        match &self.for_whom {
            For::User(user) => Some(user.0),
            For::Audience(_) | For::Exam(..) => None,
        }
    }

    fn role(&self) -> Option<&'static str> {
        match &self.for_whom {
            For::User(_) => None,
            For::Audience(recipients) => recipients.role.map(|role| role.as_str()),
            For::Exam(..) => Some("STUDENT"),
        }
    }

    fn specialty(&self) -> Option<&str> {
        match &self.for_whom {
            For::User(_) => None,
            For::Audience(recipients) => recipients.specialty.as_ref().map(|name| name.as_str()),
            For::Exam(_, specialty) => Some(specialty),
        }
    }

    fn exam(&self) -> Option<Uuid> {
        match &self.for_whom {
            For::Exam(exam, _) => Some(exam.0),
            For::User(_) | For::Audience(_) => None,
        }
    }
}

/// A notification that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub id: Uuid,
    /// Empty: an announcement.
    pub user_id: Option<Uuid>,
}

/// Stores notifications; gives those that were. That is all of them, if it was decided under the locks that none is
/// stored and none of their topics is unread: the constraints are the second wall.
pub async fn insert(db: &mut PgConnection, drafts: &[Draft]) -> Result<Vec<Made>, StoreError> {
    macro_rules! column {
        ($one:ident => $value:expr) => {
            &drafts.iter().map(|$one| $value).collect::<Vec<_>>()
        };
    }
    let made = sqlx::query_as!(
        Made,
        "INSERT INTO notifications (id, user_id, audience_role, audience_specialty, audience_exam, type, priority, title,
                                    message, data, action_url, topic, first_seq, last_seq, sent_by, caused_by,
                                    created_at, repeats_left, repeat_at, updated_at)
         SELECT new.*, new.created_at
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::uuid[],
                     $16::uuid[], $17::timestamptz[], $18::smallint[], $19::timestamptz[])
              AS new (id, user_id, role, specialty, exam, type, priority, title, message, data, action_url, topic,
                      first_seq, last_seq, sent_by, caused_by, created_at, repeats_left, repeat_at)
         ON CONFLICT DO NOTHING
         RETURNING id, user_id",
        column!(one => one.id.0) as &[Uuid],
        column!(one => one.user()) as &[Option<Uuid>],
        column!(one => one.role()) as &[Option<&str>],
        column!(one => one.specialty()) as &[Option<&str>],
        column!(one => one.exam()) as &[Option<Uuid>],
        column!(one => one.kind.as_str()) as &[&str],
        column!(one => one.priority.as_str()) as &[&str],
        column!(one => one.title.as_str()) as &[&str],
        column!(one => one.message.as_str()) as &[&str],
        column!(one => one.data.as_str()) as &[&str],
        column!(one => one.action_url.as_deref()) as &[Option<&str>],
        column!(one => one.room.as_ref().map(|(room, _, _)| topic(room))) as &[Option<String>],
        column!(one => one.room.as_ref().map(|(_, first, _)| *first)) as &[Option<i64>],
        column!(one => one.room.as_ref().map(|(_, _, last)| *last)) as &[Option<i64>],
        column!(one => one.sent_by.0) as &[Uuid],
        column!(one => one.caused_by) as &[Uuid],
        column!(one => one.at) as &[OffsetDateTime],
        column!(one => one.repeats.map_or(0, |(times, _)| times)) as &[i16],
        column!(one => one.repeats.filter(|(times, _)| *times > 0).map(|(_, at)| at)) as &[Option<OffsetDateTime>],
    )
    .fetch_all(db)
    .await?;
    Ok(made)
}

/// Marks the oldest unread ones of these users' own read, of those who have more than `most`.
pub async fn read_oldest(
    db: &mut PgConnection,
    users: &[Uuid],
    most: i64,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notifications n SET read_at = $3, repeat_at = NULL
         FROM UNNEST($1::uuid[]) AS u CROSS JOIN LATERAL (
           SELECT o.id FROM notifications o WHERE o.user_id = u AND o.read_at IS NULL
           ORDER BY o.updated_at DESC, o.id DESC OFFSET $2) old
         WHERE n.id = old.id",
        users,
        most,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many notifications each of these users has sent since a moment, and when the first of them; counted no further than
/// `limit`.
pub async fn sent_since(
    db: &mut PgConnection,
    users: &[Uuid],
    since: OffsetDateTime,
    limit: i64,
) -> Result<HashMap<UserId, (i64, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT u AS "user_id!", (SELECT count(*) FROM (
                    SELECT FROM notifications n WHERE n.sent_by = u AND n.created_at > $2 LIMIT $3) sent) AS "count!",
                  (SELECT min(n.created_at) FROM notifications n WHERE n.sent_by = u AND n.created_at > $2) AS first
           FROM UNNEST($1::uuid[]) AS u"#,
        users,
        since,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some((UserId(row.user_id), (row.count, row.first?)))).collect())
}

/// A notification that is stored under a command's id.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// Empty: an announcement.
    pub user_id: Option<UserId>,
    pub created_at: OffsetDateTime,
}

/// Those of these that are stored.
pub async fn stored(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Stored>, StoreError> {
    let rows =
        sqlx::query!("SELECT id, user_id, created_at FROM notifications WHERE id = ANY($1)", ids).fetch_all(db).await?;
    let stored = |user_id: Option<Uuid>, created_at| Stored { user_id: user_id.map(UserId), created_at };
    Ok(rows.into_iter().map(|row| (row.id, stored(row.user_id, row.created_at))).collect())
}

/// Those among these that their readers have read, whether they see them now or not.
pub async fn already_read(
    db: &mut PgConnection,
    reads: &[(UserId, NotificationId)],
) -> Result<HashSet<(UserId, NotificationId)>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH asked AS (SELECT * FROM UNNEST($1::uuid[], $2::uuid[]) AS asked (u, n))
           SELECT a.u AS "user_id!", a.n AS "id!" FROM asked a
           JOIN notifications n ON n.id = a.n AND n.user_id = a.u AND n.read_at IS NOT NULL
           UNION SELECT a.u, a.n FROM asked a JOIN notification_reads r ON r.user_id = a.u AND r.notification_id = a.n"#,
        &reads.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &reads.iter().map(|(_, id)| id.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), NotificationId(row.id))).collect())
}

/// Marks notifications read that their readers see, each at its first moment; gives who had not read one of them before.
pub async fn read(
    db: &mut PgConnection,
    reads: &[(UserId, NotificationId, OffsetDateTime)],
) -> Result<Vec<Uuid>, StoreError> {
    let changed = sqlx::query_scalar!(
        r#"WITH asked AS (
             SELECT DISTINCT ON (s.reader_id, s.id) s.reader_id, s.id, s.is_announcement, asked.at
             FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS asked (u, n, at)
             CROSS JOIN LATERAL (
               SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.id = asked.n OFFSET 0
             ) s WHERE s.read_at IS NULL ORDER BY s.reader_id, s.id, asked.at
           ), own AS (
             UPDATE notifications n SET read_at = asked.at, repeat_at = NULL FROM asked
             WHERE n.id = asked.id AND NOT asked.is_announcement AND n.read_at IS NULL RETURNING n.user_id
           ), announced AS (
             INSERT INTO notification_reads (notification_id, user_id, read_at)
             SELECT id, reader_id, at FROM asked WHERE is_announcement ON CONFLICT DO NOTHING RETURNING user_id
           )
           SELECT user_id AS "user_id!" FROM own UNION SELECT user_id FROM announced"#,
        &reads.iter().map(|(user, ..)| user.0).collect::<Vec<_>>() as &[Uuid],
        &reads.iter().map(|(_, id, _)| id.0).collect::<Vec<_>>() as &[Uuid],
        &reads.iter().map(|(.., at)| *at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .fetch_all(db)
    .await?;
    Ok(changed)
}

/// What marking everything read found.
#[derive(Debug, Clone)]
pub struct ReadAll {
    /// Who had not read something before.
    pub changed: Vec<Uuid>,
    /// The version of the announcements up to which they are read.
    pub announcements_version: i64,
}

/// Marks everything read that these users see, each at a moment; each user may stand in it once.
pub async fn read_all(db: &mut PgConnection, readers: &[(UserId, OffsetDateTime)]) -> Result<ReadAll, StoreError> {
    let row = sqlx::query!(
        r#"WITH asked AS (
             SELECT s.reader_id, s.id, s.is_announcement, asked.at
             FROM UNNEST($1::uuid[], $2::timestamptz[]) AS asked (u, at)
             CROSS JOIN LATERAL (
               SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.read_at IS NULL OFFSET 0
             ) s
           ), own AS (
             UPDATE notifications n SET read_at = asked.at, repeat_at = NULL FROM asked
             WHERE n.id = asked.id AND NOT asked.is_announcement AND n.read_at IS NULL RETURNING n.user_id
           ), announced AS (
             INSERT INTO notification_reads (notification_id, user_id, read_at)
             SELECT id, reader_id, at FROM asked WHERE is_announcement ON CONFLICT DO NOTHING RETURNING user_id
           )
           SELECT ARRAY(SELECT user_id FROM own UNION SELECT user_id FROM announced) AS "changed!",
                  version AS "version!" FROM notification_announcements"#,
        &readers.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &readers.iter().map(|(_, at)| *at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .fetch_one(db)
    .await?;
    Ok(ReadAll { changed: row.changed, announcements_version: row.version })
}

/// Which of these there are.
pub async fn existing(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!("SELECT id FROM notifications WHERE id = ANY($1)", ids).fetch_all(db).await?;
    Ok(ids.into_iter().collect())
}

/// The announcements among these, with the command that caused each last.
pub async fn announcements(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<(Announcement, Uuid)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, type, priority, title, message, data, action_url, created_at, updated_at, caused_by
         FROM notifications WHERE id = ANY($1) AND user_id IS NULL",
        ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let announcement = Announcement {
                id: NotificationId(row.id),
                kind: NotificationType::from_name(&row.r#type).unwrap_or(NotificationType::System),
                priority: Priority::from_name(&row.priority).unwrap_or_default(),
                title: row.title,
                message: row.message,
                data: row.data,
                action_url: row.action_url,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            (announcement, row.caused_by)
        })
        .collect())
}

/// An announcement, as it is the same for all of its readers.
#[derive(Debug, Clone)]
pub struct Announcement {
    pub id: NotificationId,
    pub kind: NotificationType,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    /// JSON.
    pub data: String,
    pub action_url: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}
