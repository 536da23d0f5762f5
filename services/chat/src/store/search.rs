//! Searching in a room. A room's messages are made searchable when somebody searches there.

use sinaesta_contracts::RoomId;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Makes the messages searchable that came since that was done last, at most `limit`.
pub async fn index(db: &mut PgConnection, room: &RoomId, limit: i64) -> Result<(), StoreError> {
    // Whoever searches at the same time waits for this row, and finds the messages done.
    sqlx::query!(
        "INSERT INTO chat_search_rooms (room_id, indexed_seq) VALUES ($1, 0) ON CONFLICT DO NOTHING",
        room.as_str()
    )
    .execute(&mut *db)
    .await?;
    let from =
        sqlx::query_scalar!("SELECT indexed_seq FROM chat_search_rooms WHERE room_id = $1 FOR UPDATE", room.as_str())
            .fetch_one(&mut *db)
            .await?;
    sqlx::query!(
        "WITH new AS (
           SELECT seq, message, removed_at FROM chat_messages WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
         ), made AS (
           INSERT INTO chat_search (room_id, seq, document)
           SELECT $1, seq, to_tsvector('indonesian', message) || to_tsvector('english', message)
           FROM new WHERE removed_at IS NULL
         )
         UPDATE chat_search_rooms SET indexed_seq = COALESCE((SELECT max(seq) FROM new), indexed_seq) WHERE room_id = $1",
        room.as_str(),
        from,
        limit,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The ids of a room's messages before a `seq` that say something, newest first.
pub async fn find(
    db: &mut PgConnection,
    room: &RoomId,
    query: &str,
    before_seq: i64,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT m.id FROM chat_search s JOIN chat_messages m ON m.room_id = s.room_id AND m.seq = s.seq
         WHERE s.room_id = $1 AND s.seq < $3
           AND (s.document @@ websearch_to_tsquery('indonesian', $2) OR s.document @@ websearch_to_tsquery('english', $2))
         ORDER BY s.seq DESC LIMIT $4",
        room.as_str(),
        query,
        before_seq,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
