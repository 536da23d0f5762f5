//! Searching in a room. A room's messages are made searchable when somebody searches there.

use sinaesta_contracts::RoomId;
use sinaesta_contracts::chat::MessageFormat;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::markup;

/// How many messages are read at a time to be made searchable.
const CHUNK: i64 = 500;

/// Makes the messages searchable that came since that was done last, at most about `limit`.
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
    let mut done = from;
    for _ in 0..=limit / CHUNK {
        let Some(last) = index_chunk(db, room, done).await? else { break };
        done = last;
    }
    if done > from {
        sqlx::query!("UPDATE chat_search_rooms SET indexed_seq = $2 WHERE room_id = $1", room.as_str(), done)
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Makes the next messages after a `seq` searchable; gives the last one's, if there are any.
async fn index_chunk(db: &mut PgConnection, room: &RoomId, after: i64) -> Result<Option<i64>, StoreError> {
    let rows = sqlx::query!(
        "SELECT seq, message, format, removed_at IS NULL AS \"is_there!\" FROM chat_messages
         WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        room.as_str(),
        after,
        CHUNK,
    )
    .fetch_all(&mut *db)
    .await?;
    let Some(last) = rows.last().map(|row| row.seq) else { return Ok(None) };
    let (seqs, texts): (Vec<i64>, Vec<String>) = rows
        .iter()
        .filter(|row| row.is_there)
        .map(|row| (row.seq, words(&row.message, MessageFormat::from_name(&row.format))))
        .unzip();
    sqlx::query!(
        "INSERT INTO chat_search (room_id, seq, document)
         SELECT $1, seq, to_tsvector('indonesian', said) || to_tsvector('english', said)
         FROM UNNEST($2::bigint[], $3::text[]) AS new (seq, said)
         ON CONFLICT (room_id, seq) DO UPDATE SET document = EXCLUDED.document",
        room.as_str(),
        &seqs,
        &texts,
    )
    .execute(db)
    .await?;
    Ok(Some(last))
}

/// What is searched of a message: what a reader sees. Without the characters that Postgres's parser takes for tags and
/// references too, whose words it would leave out.
pub fn words(message: &str, format: MessageFormat) -> String {
    markup::plain_text(message, format).replace(['<', '>', '&'], " ")
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
        words(query, MessageFormat::Text),
        before_seq,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
