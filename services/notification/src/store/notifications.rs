//! Notifications as they are written.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::notification::{NotificationType, Priority, Recipients};
use sinaesta_contracts::{ExamId, NotificationId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

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

/// The topic under which a room's messages are gathered.
pub fn topic(room: &RoomId) -> String {
    format!("room:{room}")
}

/// Stores notifications, save those that are stored already, and those of rooms of which one is unread; gives the
/// others. Of a room and user, one may stand in it.
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
         WHERE new.topic IS NULL OR NOT EXISTS (
           SELECT FROM notifications n WHERE n.user_id = new.user_id AND n.topic = new.topic AND n.read_at IS NULL)
         ON CONFLICT (id) DO NOTHING
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

/// An unread notification of a room.
#[derive(Debug, Clone)]
pub struct Unread {
    pub id: NotificationId,
    pub user_id: UserId,
    pub topic: String,
    pub first_seq: i64,
    pub last_seq: i64,
}

/// The unread notifications of rooms.
pub async fn unread_of_rooms(db: &mut PgConnection, of: &[(UserId, &RoomId)]) -> Result<Vec<Unread>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT n.id, n.user_id AS "user_id!", n.topic AS "topic!", COALESCE(n.first_seq, 0) AS "first_seq!",
                  COALESCE(n.last_seq, 0) AS "last_seq!"
           FROM UNNEST($1::uuid[], $2::text[]) AS asked (u, t)
           JOIN notifications n ON n.user_id = asked.u AND n.topic = asked.t AND n.read_at IS NULL"#,
        &of.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &of.iter().map(|(_, room)| topic(room)).collect::<Vec<_>>() as &[String],
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Unread {
            id: NotificationId(row.id),
            user_id: UserId(row.user_id),
            topic: row.topic,
            first_seq: row.first_seq,
            last_seq: row.last_seq,
        })
        .collect())
}

/// Lets unread notifications of rooms stand for more messages: texts and the last message are those of the drafts.
pub async fn raise(db: &mut PgConnection, drafts: &[Draft]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notifications n SET title = new.title, message = new.message, data = new.data, last_seq = new.last_seq,
                                    caused_by = new.caused_by, updated_at = GREATEST(n.updated_at, new.at)
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::timestamptz[])
              AS new (id, title, message, data, last_seq, caused_by, at)
         WHERE n.id = new.id AND n.read_at IS NULL AND n.last_seq < new.last_seq",
        &drafts.iter().map(|one| one.id.0).collect::<Vec<_>>() as &[Uuid],
        &drafts.iter().map(|one| one.title.as_str()).collect::<Vec<_>>() as &[&str],
        &drafts.iter().map(|one| one.message.as_str()).collect::<Vec<_>>() as &[&str],
        &drafts.iter().map(|one| one.data.as_str()).collect::<Vec<_>>() as &[&str],
        &drafts.iter().map(|one| one.room.as_ref().map(|(_, _, last)| *last)).collect::<Vec<_>>() as &[Option<i64>],
        &drafts.iter().map(|one| one.caused_by).collect::<Vec<_>>() as &[Uuid],
        &drafts.iter().map(|one| one.at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks notifications read that their readers see; gives who had not read one of them before.
pub async fn read(
    db: &mut PgConnection,
    reads: &[(UserId, NotificationId)],
    at: OffsetDateTime,
) -> Result<Vec<Uuid>, StoreError> {
    let changed = sqlx::query_scalar!(
        r#"WITH asked AS (
             SELECT DISTINCT s.reader_id, s.id, s.is_announcement FROM UNNEST($1::uuid[], $2::uuid[]) AS asked (u, n)
             CROSS JOIN LATERAL (
               SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.id = asked.n OFFSET 0
             ) s WHERE s.read_at IS NULL
           ), own AS (
             UPDATE notifications n SET read_at = $3, repeat_at = NULL FROM asked
             WHERE n.id = asked.id AND NOT asked.is_announcement RETURNING n.user_id
           ), announced AS (
             INSERT INTO notification_reads (notification_id, user_id, read_at)
             SELECT id, reader_id, $3 FROM asked WHERE is_announcement ON CONFLICT DO NOTHING RETURNING user_id
           )
           SELECT user_id AS "user_id!" FROM own UNION SELECT user_id FROM announced"#,
        &reads.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &reads.iter().map(|(_, id)| id.0).collect::<Vec<_>>() as &[Uuid],
        at,
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

/// Marks everything read that these users see.
pub async fn read_all(db: &mut PgConnection, users: &[Uuid], at: OffsetDateTime) -> Result<ReadAll, StoreError> {
    let row = sqlx::query!(
        r#"WITH asked AS (
             SELECT s.reader_id, s.id, s.is_announcement FROM UNNEST($1::uuid[]) AS asked (u)
             CROSS JOIN LATERAL (
               SELECT * FROM notification_seen v WHERE v.reader_id = asked.u AND v.read_at IS NULL OFFSET 0
             ) s
           ), own AS (
             UPDATE notifications n SET read_at = $2, repeat_at = NULL FROM asked
             WHERE n.id = asked.id AND NOT asked.is_announcement RETURNING n.user_id
           ), announced AS (
             INSERT INTO notification_reads (notification_id, user_id, read_at)
             SELECT id, reader_id, $2 FROM asked WHERE is_announcement ON CONFLICT DO NOTHING RETURNING user_id
           )
           SELECT ARRAY(SELECT user_id FROM own UNION SELECT user_id FROM announced) AS "changed!",
                  version AS "version!" FROM notification_announcements"#,
        users,
        at,
    )
    .fetch_one(db)
    .await?;
    Ok(ReadAll { changed: row.changed, announcements_version: row.version })
}

/// Marks what told users of rooms' messages read, up to these; each command is noted in what it changed. Whether its
/// reader sees it now does not matter: the messages are read.
pub async fn clear_rooms(
    db: &mut PgConnection,
    cleared: &[(UserId, &RoomId, i64, Uuid)],
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notifications n SET read_at = $5, caused_by = new.by
         FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::uuid[]) AS new (u, t, seq, by)
         WHERE n.user_id = new.u AND n.topic = new.t AND n.read_at IS NULL AND n.last_seq <= new.seq",
        &cleared.iter().map(|(user, ..)| user.0).collect::<Vec<_>>() as &[Uuid],
        &cleared.iter().map(|(_, room, ..)| topic(room)).collect::<Vec<_>>() as &[String],
        &cleared.iter().map(|(_, _, seq, _)| *seq).collect::<Vec<_>>() as &[i64],
        &cleared.iter().map(|(.., by)| *by).collect::<Vec<_>>() as &[Uuid],
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What these commands read of rooms' notifications.
pub async fn cleared_by(
    db: &mut PgConnection,
    cleared: &[(UserId, &RoomId, i64, Uuid)],
) -> Result<Vec<(Uuid, NotificationId)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT n.caused_by, n.id FROM UNNEST($1::uuid[], $2::text[], $3::uuid[]) AS new (u, t, by)
         JOIN notifications n ON n.user_id = new.u AND n.topic = new.t AND n.caused_by = new.by AND n.read_at IS NOT NULL",
        &cleared.iter().map(|(user, ..)| user.0).collect::<Vec<_>>() as &[Uuid],
        &cleared.iter().map(|(_, room, ..)| topic(room)).collect::<Vec<_>>() as &[String],
        &cleared.iter().map(|(.., by)| *by).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.caused_by, NotificationId(row.id))).collect())
}

/// How far users have read rooms, never back.
pub async fn note_read(db: &mut PgConnection, read: &[(UserId, &RoomId, i64)]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notification_rooms AS r (user_id, room_id, read_seq)
         SELECT u, t, max(s) FROM UNNEST($1::uuid[], $2::text[], $3::bigint[]) AS new (u, t, s) GROUP BY u, t ORDER BY u, t
         ON CONFLICT (user_id, room_id) DO UPDATE SET read_seq = GREATEST(r.read_seq, EXCLUDED.read_seq)",
        &read.iter().map(|(user, ..)| user.0).collect::<Vec<_>>() as &[Uuid],
        &read.iter().map(|(_, room, _)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &read.iter().map(|(.., seq)| *seq).collect::<Vec<_>>() as &[i64],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Up to which message users know of rooms: they have read it, or were told of it.
pub async fn known_up_to(
    db: &mut PgConnection,
    of: &[(UserId, &RoomId)],
) -> Result<HashMap<(UserId, String), i64>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT asked.u AS "user_id!", asked.r AS "room_id!", GREATEST(
             COALESCE((SELECT read_seq FROM notification_rooms k WHERE k.user_id = asked.u AND k.room_id = asked.r), 0),
             COALESCE((SELECT max(n.last_seq) FROM notifications n WHERE n.user_id = asked.u AND n.topic = asked.t), 0)
           ) AS "seq!"
           FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS asked (u, r, t)"#,
        &of.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &of.iter().map(|(_, room)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &of.iter().map(|(_, room)| topic(room)).collect::<Vec<_>>() as &[String],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ((UserId(row.user_id), row.room_id), row.seq)).collect())
}

/// Urgent notifications that are due to be told again: whose, and since when they are due.
pub async fn to_repeat(
    db: &mut PgConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(NotificationId, Option<UserId>, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, user_id, repeat_at AS "repeat_at!" FROM notifications WHERE repeat_at <= $1 ORDER BY repeat_at LIMIT $2"#,
        now,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (NotificationId(row.id), row.user_id.map(UserId), row.repeat_at)).collect())
}

/// Notes that urgent notifications that are due at `now` are told again by these commands, and when they are next. A
/// command that comes once more, when the next time is due, does not use that one up.
pub async fn repeat(
    db: &mut PgConnection,
    repeats: &[(NotificationId, Uuid)],
    now: OffsetDateTime,
    next: OffsetDateTime,
) -> Result<Vec<Made>, StoreError> {
    let repeated = sqlx::query_as!(
        Made,
        "UPDATE notifications n SET repeats_left = n.repeats_left - 1, caused_by = again.by,
                                    repeat_at = CASE WHEN n.repeats_left > 1 THEN $4::timestamptz END
         FROM UNNEST($1::uuid[], $2::uuid[]) AS again (id, by)
         WHERE n.id = again.id AND n.repeat_at <= $3 AND n.read_at IS NULL AND n.caused_by <> again.by
         RETURNING n.id, n.user_id",
        &repeats.iter().map(|(id, _)| id.0).collect::<Vec<_>>() as &[Uuid],
        &repeats.iter().map(|(_, by)| *by).collect::<Vec<_>>() as &[Uuid],
        now,
        next,
    )
    .fetch_all(db)
    .await?;
    Ok(repeated)
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

#[cfg(test)]
mod tests {
    use sinaesta_testkit::TestDatabase;

    use super::*;

    #[tokio::test]
    async fn a_command_that_comes_twice_repeats_once() {
        let database = TestDatabase::create().await.unwrap();
        let mut db = database.pool.acquire().await.unwrap();
        let (id, now) = (NotificationId(Uuid::from_u128(1)), OffsetDateTime::UNIX_EPOCH);
        let minute = time::Duration::MINUTE;
        let draft = Draft {
            id,
            for_whom: For::User(UserId(Uuid::from_u128(2))),
            kind: NotificationType::System,
            priority: Priority::Urgent,
            title: "Urgent".into(),
            message: "Text".into(),
            data: "null".into(),
            action_url: None,
            room: None,
            sent_by: UserId(Uuid::from_u128(3)),
            caused_by: Uuid::from_u128(4),
            at: now,
            repeats: Some((5, now + minute)),
        };
        insert(&mut db, &[draft]).await.unwrap();
        let mut told = Vec::new();
        for (by, minutes) in [(5, 0), (5, 1), (5, 2), (6, 2), (5, 2)] {
            let at = now + minutes * minute;
            told.push(repeat(&mut db, &[(id, Uuid::from_u128(by))], at, at + minute).await.unwrap().len());
        }
        assert_eq!(told, [0, 1, 0, 1, 0]);
    }
}
