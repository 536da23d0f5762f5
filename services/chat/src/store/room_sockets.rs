//! Who is in which room through sockets of which gateway.
//!
//! Joining is ordered by room and disconnecting by user, so each may be heard of late: what ended before a join does not
//! end it.

use std::collections::HashSet;

use sinaesta_contracts::{GatewayId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Somebody in a room through a gateway, and when that was said.
#[derive(Debug, Clone, Copy)]
pub struct Place<'r> {
    pub room: &'r RoomId,
    pub user: UserId,
    pub gateway: GatewayId,
    pub at: OffsetDateTime,
}

/// Notes that users have sockets in rooms.
pub async fn enter(db: &mut PgConnection, places: &[Place<'_>]) -> Result<(), StoreError> {
    let (rooms, users, gateways, at) = columns(places);
    sqlx::query!(
        "INSERT INTO chat_room_sockets AS s (room_id, user_id, gateway_id, entered_at)
         SELECT r, u, g, max(a) FROM UNNEST($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS new (r, u, g, a)
         GROUP BY r, u, g ORDER BY r, u, g
         ON CONFLICT (room_id, user_id, gateway_id) DO UPDATE SET entered_at = GREATEST(s.entered_at, EXCLUDED.entered_at)",
        &rooms as &[&str],
        &users,
        &gateways,
        &at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that users have no sockets in rooms any more.
pub async fn exit(db: &mut PgConnection, places: &[Place<'_>]) -> Result<(), StoreError> {
    let (rooms, users, gateways, at) = columns(places);
    sqlx::query!(
        "DELETE FROM chat_room_sockets s
         USING UNNEST($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS gone (r, u, g, a)
         WHERE s.room_id = gone.r AND s.user_id = gone.u AND s.gateway_id = gone.g AND s.entered_at <= gone.a",
        &rooms as &[&str],
        &users,
        &gateways,
        &at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which of these users are in which of these rooms through any gateway on which they are connected.
pub async fn still_there(db: &mut PgConnection, places: &[Place<'_>]) -> Result<HashSet<(String, UserId)>, StoreError> {
    let (rooms, users, ..) = columns(places);
    let rows = sqlx::query!(
        "SELECT DISTINCT s.room_id, s.user_id FROM UNNEST($1::text[], $2::uuid[]) AS asked (r, u)
         JOIN chat_room_sockets s ON s.room_id = asked.r AND s.user_id = asked.u
         JOIN online_users o ON o.user_id = s.user_id AND o.gateway_id = s.gateway_id AND o.disconnected_at IS NULL",
        &rooms as &[&str],
        &users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.room_id, UserId(row.user_id))).collect())
}

/// Notes that users have no sockets on gateways any more.
pub async fn exit_all(db: &mut PgConnection, gone: &[(UserId, GatewayId, OffsetDateTime)]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM chat_room_sockets s USING UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS gone (u, g, a)
         WHERE s.user_id = gone.u AND s.gateway_id = gone.g AND s.entered_at <= gone.a",
        &gone.iter().map(|(user, ..)| user.0).collect::<Vec<_>>() as &[Uuid],
        &gone.iter().map(|(_, gateway, _)| gateway.0).collect::<Vec<_>>() as &[Uuid],
        &gone.iter().map(|(.., at)| *at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the places of users on gateways on which they are known no more.
pub async fn forget(db: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM chat_room_sockets s WHERE s.user_id = ANY($1)
           AND NOT EXISTS (SELECT FROM online_users o WHERE o.user_id = s.user_id AND o.gateway_id = s.gateway_id)",
        users,
    )
    .execute(db)
    .await?;
    Ok(())
}

type Columns<'r> = (Vec<&'r str>, Vec<Uuid>, Vec<Uuid>, Vec<OffsetDateTime>);

fn columns<'r>(places: &[Place<'r>]) -> Columns<'r> {
    let rooms = places.iter().map(|one| one.room.as_str()).collect();
    let users = places.iter().map(|one| one.user.0).collect();
    let gateways = places.iter().map(|one| one.gateway.0).collect();
    (rooms, users, gateways, places.iter().map(|one| one.at).collect())
}
