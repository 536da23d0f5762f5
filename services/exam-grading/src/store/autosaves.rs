//! Autosaves that were applied, by their commands.

use std::collections::HashMap;

use sinaesta_contracts::SessionId;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// An autosave that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autosave {
    /// The command.
    pub id: Uuid,
    pub session_id: SessionId,
    /// When the broker stored it.
    pub saved_at: OffsetDateTime,
    /// How many seconds the session had left then.
    pub time_remaining: i64,
}

/// Those commands among `ids` that were applied.
pub async fn stored(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Autosave>, StoreError> {
    let rows = sqlx::query!(
        "SELECT command_id, session_id, saved_at, time_remaining FROM exam_autosaves WHERE command_id = ANY($1)",
        ids,
    )
    .fetch_all(db)
    .await?;
    let stored = rows.into_iter().map(|row| Autosave {
        id: row.command_id,
        session_id: SessionId(row.session_id),
        saved_at: row.saved_at,
        time_remaining: row.time_remaining,
    });
    Ok(stored.map(|one| (one.id, one)).collect())
}

/// Notes autosaves; gives how many of them were not noted already.
pub async fn insert(db: &mut PgConnection, new: &[Autosave]) -> Result<usize, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO exam_autosaves (command_id, session_id, saved_at, time_remaining)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[]) ON CONFLICT DO NOTHING",
        &new.iter().map(|one| one.id).collect::<Vec<_>>(),
        &new.iter().map(|one| one.session_id.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.saved_at).collect::<Vec<_>>(),
        &new.iter().map(|one| one.time_remaining).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() as usize)
}
