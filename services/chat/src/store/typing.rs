//! Who is typing, for those who join meanwhile.

use std::collections::HashMap;

use sinaesta_contracts::chat::TypingUser;
use sinaesta_contracts::{RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Somebody types until `expires_at`, or no longer.
pub async fn set(
    db: &mut PgConnection,
    room: &RoomId,
    user: UserId,
    name: &str,
    expires_at: Option<OffsetDateTime>,
) -> Result<(), StoreError> {
    match expires_at {
        Some(at) => {
            sqlx::query!(
                "INSERT INTO typing_indicators (room_id, user_id, user_name, expires_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (room_id, user_id) DO UPDATE SET expires_at = EXCLUDED.expires_at",
                room.as_str(),
                user.0,
                name,
                at,
            )
            .execute(db)
            .await?;
        }
        None => {
            sqlx::query!("DELETE FROM typing_indicators WHERE room_id = $1 AND user_id = $2", room.as_str(), user.0)
                .execute(db)
                .await?;
        }
    }
    Ok(())
}

/// Who types in each room.
pub async fn list(
    db: &mut PgConnection,
    rooms: &[&str],
    now: OffsetDateTime,
) -> Result<HashMap<String, Vec<TypingUser>>, StoreError> {
    let rows = sqlx::query!(
        "SELECT room_id, user_id, user_name FROM typing_indicators WHERE room_id = ANY($1) AND expires_at > $2",
        rooms as &[&str],
        now,
    )
    .fetch_all(db)
    .await?;
    let mut typing: HashMap<String, Vec<TypingUser>> = HashMap::new();
    for row in rows {
        let user = TypingUser { user_id: UserId(row.user_id), user_name: row.user_name };
        typing.entry(row.room_id).or_default().push(user);
    }
    Ok(typing)
}

/// Forgets those whose time is over.
pub async fn sweep(db: &mut PgConnection, now: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM typing_indicators WHERE expires_at < $1", now).execute(db).await?;
    Ok(())
}
