//! Files that users have uploaded.

use std::collections::HashMap;

use sinaesta_contracts::file::{RecordFile, UploadedFile};
use sinaesta_contracts::{FileId, RoomId, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A file and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub owner: UserId,
    pub file: UploadedFile,
}

/// Notes a file, unless it is noted; one that is refused as on its way out, so that what it holds is removed.
pub async fn insert(
    db: &mut PgConnection,
    owner: UserId,
    file: &RecordFile,
    at: OffsetDateTime,
    is_refused: bool,
) -> Result<(), StoreError> {
    let pixels = |value: Option<u32>| value.map(|value| i32::try_from(value).unwrap_or(i32::MAX));
    sqlx::query!(
        "INSERT INTO files (id, owner_id, name, size, content_type, width, height, has_thumbnail, created_at, abandoned_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $10 THEN $9::timestamptz END) ON CONFLICT (id) DO NOTHING",
        file.id.0,
        owner.0,
        file.name,
        i64::try_from(file.size).unwrap_or(i64::MAX),
        file.content_type,
        pixels(file.width),
        pixels(file.height),
        file.has_thumbnail,
        at,
        is_refused,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a file was refused when it was to be noted.
pub async fn is_refused(db: &mut PgConnection, id: FileId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM files WHERE id = $1 AND abandoned_at = created_at) AS "found!""#,
        id.0
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// The files among these that can be posted.
pub async fn find(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<FileId, Stored>, StoreError> {
    read(db, ids, false).await
}

/// A file, though it may be about to be removed because nobody posted it.
pub async fn find_any(db: &mut PgConnection, id: FileId) -> Result<Option<Stored>, StoreError> {
    Ok(read(db, &[id.0], true).await?.remove(&id))
}

async fn read(
    db: &mut PgConnection,
    ids: &[Uuid],
    with_abandoned: bool,
) -> Result<HashMap<FileId, Stored>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, owner_id, name, size, content_type, width, height, has_thumbnail, created_at
         FROM files WHERE id = ANY($1) AND ($2 OR abandoned_at IS NULL)",
        ids,
        with_abandoned,
    )
    .fetch_all(db)
    .await?;
    let pixels = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    Ok(rows
        .into_iter()
        .map(|row| {
            let id = FileId(row.id);
            let file = UploadedFile {
                id,
                file_url: id.url(),
                file_name: row.name,
                file_size: u64::try_from(row.size).unwrap_or_default(),
                content_type: row.content_type,
                width: pixels(row.width),
                height: pixels(row.height),
                thumbnail_url: row.has_thumbnail.then(|| format!("{}?thumbnail=true", id.url())),
                created_at: Timestamp(row.created_at),
            };
            (id, Stored { owner: UserId(row.owner_id), file })
        })
        .collect())
}

/// The rooms in which a message has a file, at most `limit`.
pub async fn rooms(db: &mut PgConnection, id: FileId, limit: i64) -> Result<Vec<RoomId>, StoreError> {
    let rooms =
        sqlx::query_scalar!("SELECT DISTINCT room_id FROM chat_messages WHERE file_url = $1 LIMIT $2", id.url(), limit)
            .fetch_all(db)
            .await?;
    Ok(rooms.into_iter().filter_map(|id| RoomId::try_from(id).ok()).collect())
}

/// Marks files from before `until` that no message has; they can be posted no more.
pub async fn abandon(
    db: &mut PgConnection,
    until: OffsetDateTime,
    now: OffsetDateTime,
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH old AS MATERIALIZED (
           SELECT id FROM files f WHERE created_at < $1 AND abandoned_at IS NULL
             AND NOT EXISTS (SELECT FROM chat_messages m WHERE m.file_url = '/api/files/' || f.id)
           ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
         UPDATE files f SET abandoned_at = $2 FROM old WHERE f.id = old.id",
        until,
        now,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Files that were marked before `until`, with how often their removal failed: what was being posted then is posted by now.
/// Those that are to be tried again later than `now` are left out.
pub async fn abandoned(
    db: &mut PgConnection,
    until: OffsetDateTime,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(FileId, u32)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, removal_failures FROM files f WHERE abandoned_at < $1 AND (remove_after IS NULL OR remove_after <= $2)
           AND NOT EXISTS (SELECT FROM chat_messages m WHERE m.file_url = '/api/files/' || f.id)
         ORDER BY removal_failures, abandoned_at LIMIT $3",
        until,
        now,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (FileId(row.id), u32::try_from(row.removal_failures).unwrap_or_default())).collect())
}

/// A file's removal failed; it is tried again at a moment.
pub async fn put_off(db: &mut PgConnection, id: FileId, until: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE files SET removal_failures = removal_failures + 1, remove_after = $2 WHERE id = $1",
        id.0,
        until
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets a file.
pub async fn remove(db: &mut PgConnection, id: FileId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM files WHERE id = $1", id.0).execute(db).await?;
    Ok(())
}
