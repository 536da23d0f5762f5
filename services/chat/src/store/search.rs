//! Searching in a room. Messages are made searchable ahead, shortly after they were posted; the few that are not yet are
//! looked through as they stand.

use sinaesta_contracts::RoomId;
use sinaesta_contracts::chat::MessageFormat;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{markup, searching};

/// How many messages are read at a time to be made searchable.
pub const CHUNK: i64 = 500;
/// How many of the latest messages are looked through that are not searchable yet.
const RECENT: i64 = 500;

/// Rooms with messages that are not searchable yet, in the order of their ids after one of them.
pub async fn behind(db: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<RoomId>, StoreError> {
    let rooms = sqlx::query_scalar!(
        "SELECT r.id FROM chat_rooms r LEFT JOIN chat_search_rooms s ON s.room_id = r.id
         WHERE r.id > $1 AND r.last_seq > CASE WHEN s.words_version >= $3 THEN s.words_seq ELSE 0 END
         ORDER BY r.id LIMIT $2",
        after,
        limit,
        searching::VERSION,
    )
    .fetch_all(db)
    .await?;
    Ok(rooms.into_iter().filter_map(|id| RoomId::try_from(id).ok()).collect())
}

/// Makes a room's next few messages searchable; says whether there may be more of them. It takes no lock that anybody who posts
/// or edits waits for: where another replica, or an edit, was quicker, what that one wrote stays,
/// unless it was of a release that took words apart by other rules.
pub async fn index(db: &mut PgConnection, room: &RoomId) -> Result<bool, StoreError> {
    let from = indexed(db, room).await?;
    let rows = sqlx::query!(
        "SELECT seq, message, format FROM chat_messages WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        room.as_str(),
        from,
        CHUNK,
    )
    .fetch_all(&mut *db)
    .await?;
    let Some(last) = rows.last().map(|row| row.seq) else { return Ok(false) };
    let (seqs, texts): (Vec<i64>, Vec<String>) =
        rows.iter().map(|row| (row.seq, words(&row.message, MessageFormat::from_name(&row.format)))).unzip();
    sqlx::query!(
        "INSERT INTO chat_search AS s (room_id, seq, document, has_parts, words_version)
         SELECT $1, seq, chat_searchable(said), true, $4
         FROM UNNEST($2::bigint[], $3::text[]) AS new (seq, said)
         ON CONFLICT (room_id, seq) DO UPDATE SET document = EXCLUDED.document, has_parts = true,
                                                  words_version = EXCLUDED.words_version
         WHERE s.words_version < EXCLUDED.words_version",
        room.as_str(),
        &seqs,
        &texts,
        searching::VERSION,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO chat_search_rooms AS r (room_id, indexed_seq, parts_seq, words_seq, words_version)
         VALUES ($1, $2, $2, $2, $3)
         ON CONFLICT (room_id) DO UPDATE SET
           indexed_seq = GREATEST(r.indexed_seq, EXCLUDED.indexed_seq), parts_seq = GREATEST(r.parts_seq, EXCLUDED.parts_seq),
           words_seq = CASE WHEN r.words_version < EXCLUDED.words_version THEN EXCLUDED.words_seq
                            WHEN r.words_version = EXCLUDED.words_version THEN GREATEST(r.words_seq, EXCLUDED.words_seq)
                            ELSE r.words_seq END,
           words_version = GREATEST(r.words_version, EXCLUDED.words_version)",
        room.as_str(),
        last,
        searching::VERSION,
    )
    .execute(db)
    .await?;
    Ok(rows.len() == CHUNK as usize)
}

/// Up to which `seq` a room is searchable.
async fn indexed(db: &mut PgConnection, room: &RoomId) -> Result<i64, StoreError> {
    let seq = sqlx::query_scalar!(
        "SELECT words_seq FROM chat_search_rooms WHERE room_id = $1 AND words_version >= $2",
        room.as_str(),
        searching::VERSION,
    )
    .fetch_optional(db)
    .await?;
    Ok(seq.unwrap_or_default())
}

/// What is searched of a message: what a reader sees.
pub fn words(message: &str, format: MessageFormat) -> String {
    mutant!("search-finds-markup", return message.to_owned());
    searching::document(&markup::plain_text(message, format))
}

/// The ids of a room's messages before a `seq` that say something, newest first.
pub async fn find(
    db: &mut PgConnection,
    room: &RoomId,
    query: &str,
    before_seq: i64,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let from = mutant!("search-misses-what-is-new", i64::MAX, indexed(db, room).await?);
    let recent = sqlx::query!(
        "SELECT seq, message, format FROM chat_messages WHERE room_id = $1 AND seq > $2 ORDER BY seq DESC LIMIT $3",
        room.as_str(),
        from,
        RECENT,
    )
    .fetch_all(&mut *db)
    .await?;
    let (seqs, texts): (Vec<i64>, Vec<String>) =
        recent.iter().map(|row| (row.seq, words(&row.message, MessageFormat::from_name(&row.format)))).unzip();
    // What is found by the index is sorted, instead of reading the room in its order until enough are found: a query that
    // finds nothing would read all of it.
    let ids = sqlx::query_scalar!(
        "WITH found AS MATERIALIZED (
           SELECT s.seq FROM chat_search s
           WHERE s.room_id = $1 AND s.seq < $3
             AND s.document @@ (websearch_to_tsquery('indonesian', $2) || websearch_to_tsquery('english', $2))
           UNION
           SELECT r.seq FROM UNNEST($5::bigint[], $6::text[]) AS r (seq, said)
           WHERE r.seq < $3 AND chat_searchable(r.said)
                                @@ (websearch_to_tsquery('indonesian', $2) || websearch_to_tsquery('english', $2)))
         SELECT m.id FROM (SELECT seq FROM found ORDER BY seq DESC LIMIT $4) f
         JOIN chat_messages m ON m.room_id = $1 AND m.seq = f.seq
         WHERE m.removed_at IS NULL ORDER BY m.seq DESC",
        room.as_str(),
        searching::query(query),
        before_seq,
        limit,
        &seqs,
        &texts,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
