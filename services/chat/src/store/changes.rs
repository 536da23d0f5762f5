//! What becomes of messages after they were posted, and who may not post for a while.

use sinaesta_contracts::{MessageId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A message that is to be changed.
#[derive(Debug, Clone)]
pub struct Held {
    pub room_id: String,
    pub sender_id: UserId,
    pub message: String,
    pub removed_at: Option<OffsetDateTime>,
    /// The latest command that edited or removed it.
    pub changed_by: Option<Uuid>,
}

/// A message, held until the transaction ends.
pub async fn hold(db: &mut PgConnection, id: MessageId) -> Result<Option<Held>, StoreError> {
    let row = sqlx::query!(
        "SELECT room_id, sender_id, message, removed_at, changed_by FROM chat_messages WHERE id = $1 FOR NO KEY UPDATE",
        id.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Held {
        room_id: row.room_id,
        sender_id: UserId(row.sender_id),
        message: row.message,
        removed_at: row.removed_at,
        changed_by: row.changed_by,
    }))
}

/// Who changes a message, by which command and when.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub id: MessageId,
    pub command: Uuid,
    pub by: UserId,
    pub at: OffsetDateTime,
}

/// Changes what a message that is held says, keeping what it said before.
pub async fn edit(db: &mut PgConnection, change: Change, before: &str, text: &str) -> Result<(), StoreError> {
    keep(db, change, before).await?;
    sqlx::query!(
        "UPDATE chat_messages SET message = $2, edited_at = $3, changed_by = $4 WHERE id = $1",
        change.id.0,
        text,
        change.at,
        change.command,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE chat_search s SET document = to_tsvector('indonesian', m.message) || to_tsvector('english', m.message)
         FROM chat_messages m WHERE m.id = $1 AND s.room_id = m.room_id AND s.seq = m.seq",
        change.id.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Empties a message that is held, keeping what it said.
pub async fn remove(db: &mut PgConnection, change: Change, before: &str) -> Result<(), StoreError> {
    keep(db, change, before).await?;
    sqlx::query!("DELETE FROM chat_reactions WHERE message_id = $1", change.id.0).execute(&mut *db).await?;
    sqlx::query!(
        "DELETE FROM chat_search s USING chat_messages m WHERE m.id = $1 AND s.room_id = m.room_id AND s.seq = m.seq",
        change.id.0,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE chat_messages SET message = '', file_url = NULL, file_name = NULL, file_size = NULL, removed_at = $2,
                                  changed_by = $3, has_reactions = false
         WHERE id = $1",
        change.id.0,
        change.at,
        change.command,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn keep(db: &mut PgConnection, change: Change, before: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO chat_message_edits (command_id, message_id, before, by_user, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        change.command,
        change.id.0,
        before,
        change.by.0,
        change.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who is muted where, until when.
#[derive(Debug, Clone)]
pub struct Mute<'a> {
    pub command: Uuid,
    pub room: &'a RoomId,
    pub user: UserId,
    pub until: OffsetDateTime,
    pub reason: Option<&'a str>,
    pub by: UserId,
    pub at: OffsetDateTime,
}

/// Notes it, unless this very command is noted.
pub async fn mute(db: &mut PgConnection, mute: &Mute<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO chat_mutes (command_id, room_id, user_id, until, reason, by_user, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        mute.command,
        mute.room.as_str(),
        mute.user.0,
        mute.until,
        mute.reason,
        mute.by.0,
        mute.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Until when somebody is muted in a room, if they are at `now`.
pub async fn muted_until(
    db: &mut PgConnection,
    room: &RoomId,
    user: UserId,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let until = sqlx::query_scalar!(
        "SELECT until FROM chat_mutes WHERE room_id = $1 AND user_id = $2 ORDER BY at DESC LIMIT 1",
        room.as_str(),
        user.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(until.filter(|until| *until > now))
}
