//! Reactions to messages.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::moderation::Reaction;
use sinaesta_contracts::{MessageId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The reactions to each of these messages, in the order in which the first of each came.
pub async fn of(db: &mut PgConnection, messages: &[Uuid]) -> Result<HashMap<MessageId, Vec<Reaction>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT message_id, emoji, count(*) AS "count!",
                  (array_agg(user_id ORDER BY at, user_id))[1:20] AS "user_ids!"
           FROM chat_reactions WHERE message_id = ANY($1) GROUP BY message_id, emoji ORDER BY message_id, min(at), emoji"#,
        messages,
    )
    .fetch_all(db)
    .await?;
    let mut reactions: HashMap<MessageId, Vec<Reaction>> = HashMap::new();
    for row in rows {
        reactions.entry(MessageId(row.message_id)).or_default().push(Reaction {
            emoji: row.emoji,
            count: u32::try_from(row.count).unwrap_or(u32::MAX),
            user_ids: row.user_ids.into_iter().map(UserId).collect(),
        });
    }
    Ok(reactions)
}

/// Which emojis each message has.
pub type Emojis = HashMap<MessageId, HashSet<String>>;

/// Those of these messages.
pub async fn emojis(db: &mut PgConnection, messages: &[Uuid]) -> Result<Emojis, StoreError> {
    let rows =
        sqlx::query!("SELECT DISTINCT message_id, emoji FROM chat_reactions WHERE message_id = ANY($1)", messages)
            .fetch_all(db)
            .await?;
    let mut emojis = Emojis::new();
    for row in rows {
        emojis.entry(MessageId(row.message_id)).or_default().insert(row.emoji);
    }
    Ok(emojis)
}

/// What somebody does with one emoji.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    pub message: MessageId,
    pub user: UserId,
    pub emoji: &'a str,
    /// Whether they react with it, or take it back.
    pub on: bool,
    /// The command's stamp.
    pub at: OffsetDateTime,
}

/// Adds and takes back reactions to locked messages. Each (message, user, emoji) may stand in it once.
pub async fn set(db: &mut PgConnection, choices: &[Choice<'_>]) -> Result<(), StoreError> {
    if choices.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH chosen AS (
           SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::timestamptz[])
             AS c (message_id, user_id, emoji, is_on, at)
         ), gone AS (
           DELETE FROM chat_reactions r USING chosen c
           WHERE NOT c.is_on AND r.message_id = c.message_id AND r.user_id = c.user_id AND r.emoji = c.emoji
         ), marked AS (
           UPDATE chat_messages SET has_reactions = true
           WHERE NOT has_reactions AND id IN (SELECT message_id FROM chosen WHERE is_on)
         )
         INSERT INTO chat_reactions (message_id, user_id, emoji, at)
         SELECT message_id, user_id, emoji, at FROM chosen WHERE is_on ON CONFLICT DO NOTHING",
        &choices.iter().map(|one| one.message.0).collect::<Vec<_>>(),
        &choices.iter().map(|one| one.user.0).collect::<Vec<_>>(),
        &choices.iter().map(|one| one.emoji).collect::<Vec<_>>() as &[&str],
        &choices.iter().map(|one| one.on).collect::<Vec<_>>(),
        &choices.iter().map(|one| one.at).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}
