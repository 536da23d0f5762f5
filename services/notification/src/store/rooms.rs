//! What tells of rooms' messages: of each room and user, one notification is unread at the most.

use std::collections::HashMap;

use sinaesta_contracts::{NotificationId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::notifications::Draft;

/// The topic under which a room's messages are gathered.
pub fn topic(room: &RoomId) -> String {
    format!("room:{room}")
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

/// A room that a user has read: up to where, when, and which command says so.
#[derive(Debug, Clone)]
pub struct Cleared<'a> {
    pub user: UserId,
    pub room: &'a RoomId,
    pub seq: i64,
    pub at: OffsetDateTime,
    pub by: Uuid,
}

/// Marks what told users of rooms' messages read, up to these; the first of the commands that cover it is noted in it.
/// Whether its reader sees it now does not matter: the messages are read. Gives the users.
pub async fn clear_rooms(db: &mut PgConnection, cleared: &[Cleared<'_>]) -> Result<Vec<Uuid>, StoreError> {
    let changed = sqlx::query_scalar!(
        r#"WITH covered AS (
             SELECT DISTINCT ON (n.id) n.id, new.at, new.by
             FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[], $5::uuid[]) WITH ORDINALITY
                  AS new (u, t, seq, at, by, place)
             JOIN notifications n ON n.user_id = new.u AND n.topic = new.t AND n.read_at IS NULL AND n.last_seq <= new.seq
             ORDER BY n.id, new.place
           )
           UPDATE notifications n SET read_at = covered.at, caused_by = covered.by FROM covered
           WHERE n.id = covered.id AND n.read_at IS NULL RETURNING n.user_id AS "user_id!""#,
        &cleared.iter().map(|one| one.user.0).collect::<Vec<_>>() as &[Uuid],
        &cleared.iter().map(|one| topic(one.room)).collect::<Vec<_>>() as &[String],
        &cleared.iter().map(|one| one.seq).collect::<Vec<_>>() as &[i64],
        &cleared.iter().map(|one| one.at).collect::<Vec<_>>() as &[OffsetDateTime],
        &cleared.iter().map(|one| one.by).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(changed)
}

/// What these commands read of rooms' notifications: each one at the most.
pub async fn cleared_by(
    db: &mut PgConnection,
    cleared: &[Cleared<'_>],
) -> Result<HashMap<Uuid, NotificationId>, StoreError> {
    let rows = sqlx::query!(
        "SELECT n.caused_by, n.id FROM UNNEST($1::uuid[], $2::text[], $3::uuid[]) AS new (u, t, by)
         JOIN notifications n ON n.user_id = new.u AND n.topic = new.t AND n.caused_by = new.by AND n.read_at IS NOT NULL",
        &cleared.iter().map(|one| one.user.0).collect::<Vec<_>>() as &[Uuid],
        &cleared.iter().map(|one| topic(one.room)).collect::<Vec<_>>() as &[String],
        &cleared.iter().map(|one| one.by).collect::<Vec<_>>() as &[Uuid],
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

/// Up to which message users know of rooms: they have read it, or were told of it. Whoever notes how far one of them has
/// read one of these rooms waits until the transaction ends, and then finds what it made.
pub async fn hold_known(
    db: &mut PgConnection,
    of: &[(UserId, &RoomId)],
) -> Result<HashMap<(UserId, String), i64>, StoreError> {
    let users: Vec<Uuid> = of.iter().map(|(user, _)| user.0).collect();
    let rooms: Vec<&str> = of.iter().map(|(_, room)| room.as_str()).collect();
    sqlx::query!(
        "INSERT INTO notification_rooms AS r (user_id, room_id, read_seq)
         SELECT u, t, 0 FROM UNNEST($1::uuid[], $2::text[]) AS new (u, t) ORDER BY u, t
         ON CONFLICT (user_id, room_id) DO UPDATE SET read_seq = r.read_seq",
        &users as &[Uuid],
        &rooms as &[&str],
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT asked.u AS "user_id!", asked.r AS "room_id!", GREATEST(
             COALESCE((SELECT read_seq FROM notification_rooms k WHERE k.user_id = asked.u AND k.room_id = asked.r), 0),
             COALESCE((SELECT max(n.last_seq) FROM notifications n WHERE n.user_id = asked.u AND n.topic = asked.t), 0)
           ) AS "seq!"
           FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS asked (u, r, t)"#,
        &users as &[Uuid],
        &rooms as &[&str],
        &of.iter().map(|(_, room)| topic(room)).collect::<Vec<_>>() as &[String],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ((UserId(row.user_id), row.room_id), row.seq)).collect())
}
