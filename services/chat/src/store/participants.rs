//! Who takes part in a room, and how far they have read.

use std::collections::HashMap;

use sinaesta_contracts::chat::{Away, RoomMember};
use sinaesta_contracts::presence::Status;
use sinaesta_contracts::{RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Somebody who joins or leaves.
#[derive(Debug, Clone)]
pub struct Moving<'a> {
    pub room: &'a RoomId,
    pub user: UserId,
    pub name: &'a str,
    /// The command that moves them.
    pub by: Uuid,
    pub at: OffsetDateTime,
}

/// How somebody stands in a room that they ever took part in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// The command that brought them in last; not the latest that joins if they were in already.
    pub joined_by: Uuid,
    /// The command that let them out, if they are out.
    pub left_by: Option<Uuid>,
    pub last_read_seq: i64,
}

/// How those who move stand.
pub async fn standings(
    db: &mut PgConnection,
    moving: &[Moving<'_>],
) -> Result<HashMap<(String, UserId), Standing>, StoreError> {
    let rows = sqlx::query!(
        "SELECT p.room_id, p.user_id, p.joined_by, p.left_by, p.last_read_seq FROM chat_participants p
         JOIN UNNEST($1::text[], $2::uuid[]) AS asked (room_id, user_id)
           ON p.room_id = asked.room_id AND p.user_id = asked.user_id",
        &moving.iter().map(|one| one.room.as_str()).collect::<Vec<_>>() as &[&str],
        &moving.iter().map(|one| one.user.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (joined_by, left_by, last_read_seq) = (row.joined_by, row.left_by, row.last_read_seq);
            ((row.room_id, UserId(row.user_id)), Standing { joined_by, left_by, last_read_seq })
        })
        .collect())
}

/// Brings people in. Each (room, user) may stand in `joins` once. A command that brought somebody in before changes nothing when
/// it comes again, also if they have left since.
pub async fn join(db: &mut PgConnection, joins: &[Moving<'_>]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO chat_participants AS p (room_id, user_id, user_name, joined_by, joined_at)
         SELECT * FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[]) AS new (r, u, n, b, a)
         ORDER BY r, u
         ON CONFLICT (room_id, user_id) DO UPDATE SET
           user_name = EXCLUDED.user_name,
           joined_by = CASE WHEN p.left_at IS NULL THEN p.joined_by ELSE EXCLUDED.joined_by END,
           joined_at = CASE WHEN p.left_at IS NULL OR p.joined_by = EXCLUDED.joined_by
                            THEN p.joined_at ELSE EXCLUDED.joined_at END,
           left_at = CASE WHEN p.joined_by = EXCLUDED.joined_by THEN p.left_at END,
           left_by = CASE WHEN p.joined_by = EXCLUDED.joined_by THEN p.left_by END",
        &joins.iter().map(|one| one.room.as_str()).collect::<Vec<_>>() as &[&str],
        &joins.iter().map(|one| one.user.0).collect::<Vec<_>>() as &[Uuid],
        &joins.iter().map(|one| one.name).collect::<Vec<_>>() as &[&str],
        &joins.iter().map(|one| one.by).collect::<Vec<_>>() as &[Uuid],
        &joins.iter().map(|one| one.at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets people out. Each (room, user) may stand in `leaves` once.
pub async fn leave(db: &mut PgConnection, leaves: &[Moving<'_>]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE chat_participants AS p SET
             left_at = COALESCE(p.left_at, gone.at), left_by = COALESCE(p.left_by, gone.by)
           FROM UNNEST($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS gone (room_id, user_id, by, at)
           WHERE p.room_id = gone.room_id AND p.user_id = gone.user_id",
        &leaves.iter().map(|one| one.room.as_str()).collect::<Vec<_>>() as &[&str],
        &leaves.iter().map(|one| one.user.0).collect::<Vec<_>>() as &[Uuid],
        &leaves.iter().map(|one| one.by).collect::<Vec<_>>() as &[Uuid],
        &leaves.iter().map(|one| one.at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many take part in each room, counted no further than `limit` + 1.
pub async fn count(db: &mut PgConnection, rooms: &[&str], limit: i64) -> Result<HashMap<String, i64>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT r AS "room_id!", (SELECT count(*) FROM (
             SELECT FROM chat_participants p WHERE p.room_id = r AND p.left_at IS NULL LIMIT $2::bigint + 1) AS few) AS "count!"
           FROM UNNEST($1::text[]) AS r"#,
        rooms as &[&str],
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.room_id, row.count)).collect())
}

/// The latest who joined each room and did not leave, with how they show.
pub async fn members(
    db: &mut PgConnection,
    rooms: &[&str],
    limit: i64,
) -> Result<HashMap<String, Vec<RoomMember>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT p.room_id, p.user_id, p.user_name,
                  CASE WHEN EXISTS (SELECT FROM online_users o WHERE o.user_id = p.user_id)
                       THEN COALESCE(s.status, 'online') ELSE 'offline' END AS "status!"
           FROM UNNEST($1::text[]) AS asked (room_id)
           CROSS JOIN LATERAL (SELECT * FROM chat_participants c WHERE c.room_id = asked.room_id AND c.left_at IS NULL
                               ORDER BY c.joined_at DESC LIMIT $2) p
           LEFT JOIN user_presence s ON s.user_id = p.user_id
           ORDER BY p.room_id, p.joined_at DESC"#,
        rooms as &[&str],
        limit,
    )
    .fetch_all(db)
    .await?;
    let mut members: HashMap<String, Vec<RoomMember>> = HashMap::new();
    for row in rows {
        members.entry(row.room_id).or_default().push(RoomMember {
            user_id: UserId(row.user_id),
            user_name: row.user_name,
            status: Status::from_name(&row.status).unwrap_or(Status::Offline),
        });
    }
    Ok(members)
}

/// Moves read positions on, never back; says where each stands then. Those who take no part are left out.
pub async fn mark_read(
    db: &mut PgConnection,
    reads: &[(&RoomId, UserId, i64)],
) -> Result<HashMap<(String, UserId), i64>, StoreError> {
    let rows = sqlx::query!(
        "UPDATE chat_participants AS p SET last_read_seq = GREATEST(p.last_read_seq, up_to.seq)
         FROM (SELECT r, u, max(s) AS seq FROM UNNEST($1::text[], $2::uuid[], $3::bigint[]) AS new (r, u, s)
               GROUP BY r, u ORDER BY r, u) AS up_to
         WHERE p.room_id = up_to.r AND p.user_id = up_to.u AND p.left_at IS NULL
         RETURNING p.room_id, p.user_id, p.last_read_seq",
        &reads.iter().map(|(room, _, _)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &reads.iter().map(|(_, user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &reads.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>() as &[i64],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.room_id, UserId(row.user_id)), row.last_read_seq)).collect())
}

/// For each of `users`, who is online and shares a room with them that has at most `limit` members.
pub async fn companions(
    db: &mut PgConnection,
    users: &[Uuid],
    limit: i64,
) -> Result<HashMap<UserId, Vec<UserId>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT mine.user_id, other.user_id AS "other!"
           FROM (SELECT * FROM chat_participants WHERE user_id = ANY($1) AND left_at IS NULL OFFSET 0) mine
           -- From these rooms to who else is in them, never the other way round.
           CROSS JOIN LATERAL (SELECT * FROM chat_participants p WHERE p.room_id = mine.room_id AND p.left_at IS NULL OFFSET 0) other
           WHERE other.user_id <> mine.user_id
             AND EXISTS (SELECT FROM online_users o WHERE o.user_id = other.user_id)
             AND (SELECT count(*) FROM (SELECT FROM chat_participants c
                  WHERE c.room_id = mine.room_id AND c.left_at IS NULL LIMIT $2::bigint + 1) AS few) <= $2::bigint"#,
        users,
        limit,
    )
    .fetch_all(db)
    .await?;
    let mut companions: HashMap<UserId, Vec<UserId>> = HashMap::new();
    for row in rows {
        companions.entry(UserId(row.user_id)).or_default().push(UserId(row.other));
    }
    Ok(companions)
}

/// Who takes part in rooms and has no socket in them, besides those of `directed`, who take part by the room's id, and
/// members of `groups`, whose rooms are among them. In any
/// room that anyone may enter, one who left takes part no more; nobody counts in such a room of more than `limit`.
pub async fn away(
    db: &mut PgConnection,
    rooms: &[&str],
    directed: &[(&RoomId, UserId)],
    groups: &[Uuid],
    limit: i64,
) -> Result<Vec<Away>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH parts AS (
             SELECT p.room_id, p.user_id FROM chat_participants p JOIN chat_rooms r ON r.id = p.room_id
             WHERE p.room_id = ANY($1) AND r.type <> 'STUDY_GROUP'
               AND (r.type = 'MENTOR' OR (p.left_at IS NULL AND (SELECT count(*) FROM (
                 SELECT FROM chat_participants c WHERE c.room_id = r.id AND c.left_at IS NULL LIMIT $4::bigint + 1
               ) AS few) <= $4::bigint))
             UNION SELECT 'study-group:' || m.group_id, m.user_id FROM study_group_members m
             WHERE m.group_id = ANY($5) AND m.left_at IS NULL
             UNION SELECT * FROM UNNEST($2::text[], $3::uuid[])
           )
           SELECT parts.room_id AS "room_id!", parts.user_id AS "user_id!", COALESCE(p.last_read_seq, 0) AS "last_read_seq!"
           FROM parts LEFT JOIN chat_participants p ON p.room_id = parts.room_id AND p.user_id = parts.user_id
           WHERE NOT EXISTS (
             SELECT FROM chat_room_sockets s
             JOIN online_users o ON o.user_id = s.user_id AND o.gateway_id = s.gateway_id AND o.disconnected_at IS NULL
             WHERE s.room_id = parts.room_id AND s.user_id = parts.user_id)"#,
        rooms as &[&str],
        &directed.iter().map(|(room, _)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &directed.iter().map(|(_, user)| user.0).collect::<Vec<_>>() as &[Uuid],
        limit,
        groups,
    )
    .fetch_all(db)
    .await?;
    let away = |(room_id, user_id, last_read_seq): (String, Uuid, i64)| {
        Some(Away { room_id: RoomId::try_from(room_id).ok()?, user_id: UserId(user_id), last_read_seq })
    };
    Ok(rows.into_iter().filter_map(|row| away((row.room_id, row.user_id, row.last_read_seq))).collect())
}

/// Up to where these rooms were read, by whom.
pub async fn positions(db: &mut PgConnection, rooms: &[&str]) -> Result<Vec<(RoomId, UserId, i64)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT room_id, user_id, last_read_seq FROM chat_participants WHERE room_id = ANY($1) AND last_read_seq > 0",
        rooms as &[&str],
    )
    .fetch_all(db)
    .await?;
    let read =
        |(room_id, user_id, seq): (String, Uuid, i64)| Some((RoomId::try_from(room_id).ok()?, UserId(user_id), seq));
    Ok(rows.into_iter().filter_map(|row| read((row.room_id, row.user_id, row.last_read_seq))).collect())
}
