//! Who is in which room through sockets of which gateway.

use sinaesta_contracts::{GatewayId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Notes that users have sockets in rooms.
pub async fn enter(db: &mut PgConnection, places: &[(&RoomId, UserId, GatewayId)]) -> Result<(), StoreError> {
    let (rooms, users, gateways) = columns(places);
    sqlx::query!(
        "INSERT INTO chat_room_sockets (room_id, user_id, gateway_id)
         SELECT DISTINCT r, u, g FROM UNNEST($1::text[], $2::uuid[], $3::uuid[]) AS new (r, u, g) ORDER BY r, u, g
         ON CONFLICT DO NOTHING",
        &rooms as &[&str],
        &users,
        &gateways,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that users have no sockets in rooms any more.
pub async fn exit(db: &mut PgConnection, places: &[(&RoomId, UserId, GatewayId)]) -> Result<(), StoreError> {
    let (rooms, users, gateways) = columns(places);
    sqlx::query!(
        "DELETE FROM chat_room_sockets s USING UNNEST($1::text[], $2::uuid[], $3::uuid[]) AS gone (r, u, g)
         WHERE s.room_id = gone.r AND s.user_id = gone.u AND s.gateway_id = gone.g",
        &rooms as &[&str],
        &users,
        &gateways,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that users have no sockets on gateways any more.
pub async fn exit_all(db: &mut PgConnection, gone: &[(UserId, GatewayId)]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM chat_room_sockets s USING UNNEST($1::uuid[], $2::uuid[]) AS gone (u, g)
         WHERE s.user_id = gone.u AND s.gateway_id = gone.g",
        &gone.iter().map(|(user, _)| user.0).collect::<Vec<_>>() as &[Uuid],
        &gone.iter().map(|(_, gateway)| gateway.0).collect::<Vec<_>>() as &[Uuid],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that gateways are gone with all of their sockets.
pub async fn lose(db: &mut PgConnection, gateways: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM chat_room_sockets WHERE gateway_id = ANY($1)", gateways).execute(db).await?;
    Ok(())
}

fn columns<'r>(places: &[(&'r RoomId, UserId, GatewayId)]) -> (Vec<&'r str>, Vec<Uuid>, Vec<Uuid>) {
    let rooms = places.iter().map(|(room, _, _)| room.as_str()).collect();
    let users = places.iter().map(|(_, user, _)| user.0).collect();
    (rooms, users, places.iter().map(|(_, _, gateway)| gateway.0).collect())
}
