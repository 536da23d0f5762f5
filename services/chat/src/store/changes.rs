//! What becomes of messages after they were posted.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use sinaesta_contracts::chat::MessageFormat;
use sinaesta_contracts::{MessageId, Role, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::markup::Clean;
use crate::domain::searching;
use crate::store::search;

/// How many of a message's earlier versions are kept, besides the first.
const VERSIONS: i64 = 20;

/// A message whose row is locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct Locked {
    pub sender_id: UserId,
    /// As it is now.
    pub sender_role: Role,
    pub said: Clean,
    /// When it was removed, if it was.
    pub removed_at: Option<OffsetDateTime>,
    /// The latest command that edited or removed it.
    pub changed_by: Option<Uuid>,
}

/// Locks messages, in the order of their ids; those that do not exist are left out.
pub async fn lock(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<MessageId, Locked>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT m.id, m.sender_id, m.message, m.format, m.removed_at, m.changed_by,
                  (SELECT role FROM users WHERE id = m.sender_id) AS sender_role
           FROM chat_messages m WHERE m.id = ANY($1) ORDER BY m.id FOR NO KEY UPDATE"#,
        ids,
    )
    .fetch_all(db)
    .await?;
    let locked = rows.into_iter().map(|row| {
        let said = Clean { text: row.message, format: MessageFormat::from_name(&row.format) };
        let sender_role = row.sender_role.and_then(|role| Role::from_str(&role).ok()).unwrap_or(Role::Student);
        let (sender_id, removed_at, changed_by) = (UserId(row.sender_id), row.removed_at, row.changed_by);
        (MessageId(row.id), Locked { sender_id, sender_role, said, removed_at, changed_by })
    });
    Ok(locked.collect())
}

/// Which of these commands have changed a message already.
pub async fn done(db: &mut PgConnection, commands: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
    let done = sqlx::query_scalar!("SELECT command_id FROM chat_message_edits WHERE command_id = ANY($1)", commands)
        .fetch_all(db)
        .await?;
    Ok(done.into_iter().collect())
}

/// Who changes a message, by which command and when; and what it said before.
#[derive(Debug, Clone)]
pub struct Change {
    pub id: MessageId,
    pub command: Uuid,
    pub by: UserId,
    /// The command's stamp.
    pub at: OffsetDateTime,
    pub before: Clean,
}

/// Keeps what locked messages said before they were changed: the first version and the latest few.
pub async fn keep(db: &mut PgConnection, changes: &[Change]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO chat_message_edits (command_id, message_id, before, by_user, at, format)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[], $6::text[])
         ON CONFLICT DO NOTHING",
        &changes.iter().map(|one| one.command).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.before.text.as_str()).collect::<Vec<_>>() as &[&str],
        &changes.iter().map(|one| one.by.0).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.at).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.before.format.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM chat_message_edits WHERE command_id IN (
           SELECT command_id FROM (
             SELECT command_id, row_number() OVER (PARTITION BY message_id ORDER BY at DESC, command_id DESC) AS latest,
                    row_number() OVER (PARTITION BY message_id ORDER BY at, command_id) AS first
             FROM chat_message_edits WHERE message_id = ANY($1)) numbered
           WHERE latest > $2 AND first > 1)",
        &changes.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        VERSIONS,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a message says from now on.
#[derive(Debug, Clone)]
pub struct Edit<'a> {
    pub id: MessageId,
    pub command: Uuid,
    pub at: OffsetDateTime,
    pub said: &'a Clean,
}

/// Changes what locked messages say. Each message may stand in it once.
pub async fn edit(db: &mut PgConnection, edits: &[Edit<'_>]) -> Result<(), StoreError> {
    let ids: Vec<_> = edits.iter().map(|one| one.id.0).collect();
    sqlx::query!(
        "UPDATE chat_messages m SET message = new.text, format = new.format, edited_at = new.at, changed_by = new.command
         FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::text[]) AS new (id, text, at, command, format)
         WHERE m.id = new.id",
        &ids,
        &edits.iter().map(|one| one.said.text.as_str()).collect::<Vec<_>>() as &[&str],
        &edits.iter().map(|one| one.at).collect::<Vec<_>>(),
        &edits.iter().map(|one| one.command).collect::<Vec<_>>(),
        &edits.iter().map(|one| one.said.format.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO chat_search (room_id, seq, document, has_parts, words_version)
         SELECT m.room_id, m.seq, chat_searchable(new.said), true, $3
         FROM UNNEST($1::uuid[], $2::text[]) AS new (id, said) JOIN chat_messages m ON m.id = new.id
         ORDER BY m.room_id, m.seq
         ON CONFLICT (room_id, seq) DO UPDATE SET document = EXCLUDED.document, has_parts = true,
                                                  words_version = EXCLUDED.words_version",
        &ids,
        &edits.iter().map(|one| search::words(&one.said.text, one.said.format)).collect::<Vec<_>>(),
        searching::VERSION,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Empties locked messages, each by its command.
pub async fn remove(db: &mut PgConnection, removals: &[(MessageId, Uuid, OffsetDateTime)]) -> Result<(), StoreError> {
    let ids: Vec<_> = removals.iter().map(|(id, ..)| id.0).collect();
    // Noted as empty instead of deleted: it may be made searchable at this moment.
    sqlx::query!("DELETE FROM chat_reactions WHERE message_id = ANY($1)", &ids).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO chat_search (room_id, seq, document, has_parts, words_version)
         SELECT room_id, seq, ''::tsvector, true, $2 FROM chat_messages WHERE id = ANY($1) ORDER BY room_id, seq
         ON CONFLICT (room_id, seq) DO UPDATE SET document = EXCLUDED.document, has_parts = true,
                                                  words_version = EXCLUDED.words_version",
        &ids,
        searching::VERSION,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE chat_messages m SET message = '', format = 'text', file_url = NULL, file_name = NULL, file_size = NULL,
                                    removed_at = gone.at, changed_by = gone.command, has_reactions = false
         FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS gone (id, command, at) WHERE m.id = gone.id",
        &ids,
        &removals.iter().map(|(_, command, _)| *command).collect::<Vec<_>>(),
        &removals.iter().map(|(.., at)| *at).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}
