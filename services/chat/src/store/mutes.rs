//! Who may not post where for a while.

use std::collections::HashMap;

use sinaesta_contracts::{RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Who is muted where, until when.
#[derive(Debug, Clone)]
pub struct Mute<'a> {
    pub command: Uuid,
    pub room: &'a RoomId,
    pub user: UserId,
    /// Not after `at`: they may post again.
    pub until: OffsetDateTime,
    pub reason: Option<&'a str>,
    pub by: UserId,
    /// The command's stamp.
    pub at: OffsetDateTime,
}

/// Notes it, unless this very command is noted; says until when they are muted by it.
pub async fn insert(db: &mut PgConnection, mute: &Mute<'_>) -> Result<OffsetDateTime, StoreError> {
    let until = sqlx::query_scalar!(
        "INSERT INTO chat_mutes (command_id, room_id, user_id, until, reason, by_user, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (command_id) DO UPDATE SET command_id = EXCLUDED.command_id RETURNING until",
        mute.command,
        mute.room.as_str(),
        mute.user.0,
        mute.until,
        mute.reason,
        mute.by.0,
        mute.at,
    )
    .fetch_one(db)
    .await?;
    Ok(until)
}

/// Until when each of these was muted at the moment stated with them, if they were.
pub async fn at(
    db: &mut PgConnection,
    asked: &[(&RoomId, UserId, OffsetDateTime)],
) -> Result<HashMap<(RoomId, UserId, OffsetDateTime), OffsetDateTime>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT a.place AS "place!", m.until FROM UNNEST($1::text[], $2::uuid[], $3::timestamptz[])
             WITH ORDINALITY AS a (room_id, user_id, at, place)
           CROSS JOIN LATERAL (SELECT until FROM chat_mutes m
                               WHERE m.room_id = a.room_id AND m.user_id = a.user_id AND m.at <= a.at
                               ORDER BY m.at DESC LIMIT 1) m
           WHERE m.until > a.at"#,
        &asked.iter().map(|(room, ..)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &asked.iter().map(|(_, user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &asked.iter().map(|(.., at)| *at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .fetch_all(db)
    .await?;
    let muted = |place: i64, until| {
        let (room, user, at) = asked.get(usize::try_from(place).ok()?.checked_sub(1)?)?;
        Some((((*room).clone(), *user, *at), until))
    };
    Ok(rows.into_iter().filter_map(|row| muted(row.place, row.until)).collect())
}
