//! Rooms.

use std::collections::HashMap;

use sinaesta_contracts::{RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::door::Room;

/// The rooms among `ids` that exist.
pub async fn load(db: &mut PgConnection, ids: &[&str]) -> Result<HashMap<String, Room>, StoreError> {
    let rows =
        sqlx::query!("SELECT id, opened_by FROM chat_rooms WHERE id = ANY($1)", ids as &[&str]).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, Room { opened_by: row.opened_by.map(UserId) })).collect())
}

/// A room that is to exist.
#[derive(Debug, Clone)]
pub struct Opening {
    pub id: RoomId,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// Who opens it; empty: nobody whose rooms are counted.
    pub by: Option<UserId>,
    pub at: OffsetDateTime,
}

/// Makes the rooms that do not exist, and gives those without an owner theirs; says whose they are then.
pub async fn open(db: &mut PgConnection, rooms: &[Opening]) -> Result<HashMap<String, Room>, StoreError> {
    if rooms.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<&str> = rooms.iter().map(|one| one.id.as_str()).collect();
    let kinds: Vec<&str> = rooms.iter().map(|one| one.id.kind().as_str()).collect();
    let owners: Vec<Option<uuid::Uuid>> = rooms.iter().map(|one| one.owner.map(|user| user.0)).collect();
    let by: Vec<Option<uuid::Uuid>> = rooms.iter().map(|one| one.by.map(|user| user.0)).collect();
    let at: Vec<OffsetDateTime> = rooms.iter().map(|one| one.at).collect();
    let rows = sqlx::query!(
        "INSERT INTO chat_rooms AS r (id, type, opened_by, created_at, created_by)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::uuid[], $4::timestamptz[], $5::uuid[])
                       AS new (id, type, opened_by, at, by)
         ORDER BY id
         ON CONFLICT (id) DO UPDATE SET opened_by = COALESCE(r.opened_by, EXCLUDED.opened_by)
         RETURNING id, opened_by",
        &ids as &[&str],
        &kinds as &[&str],
        &owners as &[Option<uuid::Uuid>],
        &at,
        &by as &[Option<uuid::Uuid>],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, Room { opened_by: row.opened_by.map(UserId) })).collect())
}

/// The latest `seq` of each room; a room without messages has 0.
pub async fn last_seqs(db: &mut PgConnection, rooms: &[&str]) -> Result<HashMap<String, i64>, StoreError> {
    let rows =
        sqlx::query!("SELECT id, last_seq FROM chat_rooms WHERE id = ANY($1)", rooms as &[&str]).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.last_seq)).collect())
}
