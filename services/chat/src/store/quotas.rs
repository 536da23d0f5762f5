//! How much each user has: what one may make grow is bounded.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::{RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What counts for a day's quota, and for an invitation that may still be open.
const DAY: Duration = Duration::days(1);
const INVITATION: Duration = Duration::days(30);

/// Rooms of one user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rooms {
    /// Opened by them, in all and in the last 24 hours.
    pub opened: i64,
    pub opened_today: i64,
    /// Those they are in.
    pub memberships: i64,
}

/// The rooms of each of these users at a moment, none counted further than `limit`.
pub async fn rooms(
    db: &mut PgConnection,
    users: &[Uuid],
    at: OffsetDateTime,
    limit: i64,
) -> Result<HashMap<UserId, Rooms>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT u AS "user_id!",
                  (SELECT count(*) FROM (SELECT FROM chat_rooms r WHERE r.created_by = u LIMIT $3) opened) AS "opened!",
                  (SELECT count(*) FROM (SELECT FROM chat_rooms r WHERE r.created_by = u AND r.created_at > $2 LIMIT $3) new)
                    AS "opened_today!",
                  (SELECT count(*) FROM (SELECT FROM chat_participants p WHERE p.user_id = u AND p.left_at IS NULL LIMIT $3) mine)
                    AS "memberships!"
           FROM UNNEST($1::uuid[]) AS u"#,
        users,
        at - DAY,
        limit,
    )
    .fetch_all(db)
    .await?;
    let rooms = rows.into_iter().map(|row| {
        let rooms = Rooms { opened: row.opened, opened_today: row.opened_today, memberships: row.memberships };
        (UserId(row.user_id), rooms)
    });
    Ok(rooms.collect())
}

/// Who of these is in the room that is named with them.
pub async fn members(db: &mut PgConnection, of: &[(&RoomId, UserId)]) -> Result<HashSet<(String, UserId)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT p.room_id, p.user_id FROM UNNEST($1::text[], $2::uuid[]) AS asked (r, u)
         JOIN chat_participants p ON p.room_id = asked.r AND p.user_id = asked.u AND p.left_at IS NULL",
        &of.iter().map(|(room, _)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &of.iter().map(|(_, user)| user.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.room_id, UserId(row.user_id))).collect())
}

/// Files of one user that are not on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    pub count: i64,
    pub bytes: i64,
    /// Uploaded in the last 24 hours; those that were removed since count too.
    pub count_today: i64,
    pub bytes_today: i64,
}

/// The files of a user at a moment. What was removed because nobody posted it counts for the day as long as its row is there.
pub async fn files(db: &mut PgConnection, user: UserId, at: OffsetDateTime) -> Result<Files, StoreError> {
    let files = sqlx::query_as!(
        Files,
        r#"SELECT count(*) FILTER (WHERE abandoned_at IS NULL) AS "count!",
                  COALESCE(sum(size) FILTER (WHERE abandoned_at IS NULL), 0)::bigint AS "bytes!",
                  count(*) FILTER (WHERE created_at > $2) AS "count_today!",
                  COALESCE(sum(size) FILTER (WHERE created_at > $2), 0)::bigint AS "bytes_today!"
           FROM files WHERE owner_id = $1 AND abandoned_at IS DISTINCT FROM created_at"#,
        user.0,
        at - DAY,
    )
    .fetch_one(db)
    .await?;
    Ok(files)
}

/// How many people a user has invited lately who may still come, counted no further than `limit`.
pub async fn invitations(
    db: &mut PgConnection,
    user: UserId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
             SELECT FROM study_group_invitations i WHERE i.invited_by = $1 AND i.at > $2 AND i.withdrawn_at IS NULL
               AND NOT EXISTS (SELECT FROM study_group_members m
                               WHERE m.group_id = i.group_id AND m.user_id = i.user_id AND m.left_at IS NULL)
             LIMIT $3) AS open"#,
        user.0,
        at - INVITATION,
        limit,
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}
