//! Reactions to messages.

use std::collections::HashMap;

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

/// Adds a reaction, unless the message has `most` other ones already; false if so.
pub async fn add(
    db: &mut PgConnection,
    message: MessageId,
    user: UserId,
    emoji: &str,
    at: OffsetDateTime,
    most: i64,
) -> Result<bool, StoreError> {
    // The message's row is held, so that two who react at once are counted one after another.
    sqlx::query!("UPDATE chat_messages SET has_reactions = true WHERE id = $1", message.0).execute(&mut *db).await?;
    let others = sqlx::query_scalar!(
        r#"SELECT count(DISTINCT emoji) AS "count!" FROM chat_reactions WHERE message_id = $1 AND emoji <> $2"#,
        message.0,
        emoji,
    )
    .fetch_one(&mut *db)
    .await?;
    if others >= most {
        return Ok(false);
    }
    sqlx::query!(
        "INSERT INTO chat_reactions (message_id, user_id, emoji, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        message.0,
        user.0,
        emoji,
        at,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Takes a reaction back.
pub async fn remove(db: &mut PgConnection, message: MessageId, user: UserId, emoji: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM chat_reactions WHERE message_id = $1 AND user_id = $2 AND emoji = $3",
        message.0,
        user.0,
        emoji,
    )
    .execute(db)
    .await?;
    Ok(())
}
