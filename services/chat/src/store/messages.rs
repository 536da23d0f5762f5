//! Messages.

use std::collections::HashMap;

use sinaesta_contracts::chat::{ChatMessage, MessageFormat, MessageType, PostedMessage};
use sinaesta_contracts::{MessageId, RoomId, Timestamp, UserId, is_avatar};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::markup;
use crate::store::reactions;

/// How much of a message others are told, in characters.
const EXCERPT: usize = 120;

/// A row as it is read.
struct Row {
    id: Uuid,
    room_id: String,
    seq: i64,
    sender_id: Uuid,
    sender_name: String,
    sender_avatar: Option<String>,
    message: String,
    format: String,
    message_type: String,
    file_url: Option<String>,
    file_name: Option<String>,
    file_size: Option<i64>,
    client_message_id: Option<String>,
    reply_to: Option<Uuid>,
    created_at: OffsetDateTime,
    is_read: bool,
    reply_count: i32,
    has_reactions: bool,
    edited_at: Option<OffsetDateTime>,
    removed_at: Option<OffsetDateTime>,
}

impl Row {
    /// `None` for a row whose room id is none: there is no such row.
    fn read(self) -> Option<ChatMessage> {
        Some(ChatMessage {
            id: MessageId(self.id),
            room_id: RoomId::try_from(self.room_id).ok()?,
            seq: self.seq,
            sender_id: UserId(self.sender_id),
            sender_name: self.sender_name,
            sender_avatar: self.sender_avatar.filter(|address| is_avatar(address)),
            message: self.message,
            format: MessageFormat::from_name(&self.format),
            message_type: MessageType::from_name(&self.message_type),
            file_url: self.file_url,
            file_name: self.file_name,
            file_size: self.file_size,
            is_read: self.is_read,
            client_message_id: self.client_message_id,
            reply_to: self.reply_to.map(MessageId),
            created_at: Timestamp(self.created_at),
            reply_count: u32::try_from(self.reply_count).unwrap_or_default(),
            reactions: Vec::new(),
            edited_at: self.edited_at.map(Timestamp),
            removed_at: self.removed_at.map(Timestamp),
        })
    }
}

/// Messages by their ids, as their readers see them.
pub async fn find(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<MessageId, ChatMessage>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT m.id, m.room_id, m.seq, m.sender_id, m.sender_name, m.sender_avatar, m.message, m.message_type,
                  m.file_url, m.file_name, m.file_size, m.client_message_id, m.reply_to, m.created_at,
                  EXISTS (SELECT FROM chat_participants p WHERE p.room_id = m.room_id AND p.user_id <> m.sender_id
                          AND p.last_read_seq >= m.seq) AS "is_read!",
                  m.reply_count, m.has_reactions, m.edited_at, m.removed_at, m.format
           FROM chat_messages m WHERE m.id = ANY($1)"#,
        ids,
    )
    .fetch_all(&mut *db)
    .await?;
    Ok(complete(db, rows).await?.into_iter().map(|message| (message.id, message)).collect())
}

/// The replies to a message after a `seq`, oldest first.
pub async fn replies(
    db: &mut PgConnection,
    to: MessageId,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<ChatMessage>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT m.id, m.room_id, m.seq, m.sender_id, m.sender_name, m.sender_avatar, m.message, m.message_type,
                  m.file_url, m.file_name, m.file_size, m.client_message_id, m.reply_to, m.created_at,
                  EXISTS (SELECT FROM chat_participants p WHERE p.room_id = m.room_id AND p.user_id <> m.sender_id
                          AND p.last_read_seq >= m.seq) AS "is_read!",
                  m.reply_count, m.has_reactions, m.edited_at, m.removed_at, m.format
           FROM chat_messages m WHERE m.reply_to = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3"#,
        to.0,
        after_seq,
        limit,
    )
    .fetch_all(&mut *db)
    .await?;
    complete(db, rows).await
}

/// Rows as messages, with their reactions.
async fn complete(db: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<ChatMessage>, StoreError> {
    let reacted: Vec<Uuid> = rows.iter().filter(|row| row.has_reactions).map(|row| row.id).collect();
    let mut messages: Vec<ChatMessage> = rows.into_iter().filter_map(Row::read).collect();
    if !reacted.is_empty() {
        let mut reactions = reactions::of(db, &reacted).await?;
        for message in &mut messages {
            message.reactions = reactions.remove(&message.id).unwrap_or_default();
        }
    }
    Ok(messages)
}

/// A page of the messages that were posted since a moment, by room and `seq`, as other services are told of them.
pub async fn posted_since(
    db: &mut PgConnection,
    since: OffsetDateTime,
    after: Option<&(RoomId, i64)>,
    limit: i64,
) -> Result<Vec<(RoomId, PostedMessage)>, StoreError> {
    let (room, seq) = after.map_or(("", 0), |(room, seq)| (room.as_str(), *seq));
    let rows = sqlx::query!(
        r#"SELECT id, room_id, seq, sender_id, sender_name, format,
                  CASE format WHEN 'html' THEN message ELSE left(message, $5) END AS "message!" FROM chat_messages
           WHERE id >= $1 AND (room_id, seq) > ($2, $3) AND removed_at IS NULL ORDER BY room_id, seq LIMIT $4"#,
        first_id(since),
        room,
        seq,
        limit,
        EXCERPT as i32,
    )
    .fetch_all(db)
    .await?;
    let posted = rows.into_iter().filter_map(|row| {
        let (sender_id, sender_name) = (UserId(row.sender_id), row.sender_name);
        let excerpt = excerpt(&row.message, MessageFormat::from_name(&row.format));
        let message = PostedMessage { id: MessageId(row.id), seq: row.seq, sender_id, sender_name, excerpt };
        Some((RoomId::try_from(row.room_id).ok()?, message))
    });
    Ok(posted.collect())
}

/// What others are told of a message: the beginning of what a reader sees, as text.
pub fn excerpt(message: &str, format: MessageFormat) -> String {
    markup::plain_text(message, format).chars().take(EXCERPT).collect()
}

/// Makes the month of a moment, if there is none.
pub async fn make_month(db: &mut PgConnection, at: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!("SELECT chat_messages_make_month($1)", at).execute(db).await?;
    Ok(())
}

/// The smallest id that something made at a moment can have: ids begin with their time.
fn first_id(at: OffsetDateTime) -> Uuid {
    let millis = (at.unix_timestamp_nanos() / 1_000_000).try_into().unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// Where a message stands.
#[derive(Debug, Clone)]
pub struct Place {
    pub room_id: RoomId,
    pub seq: i64,
    pub sender_id: UserId,
}

/// Where these messages stand; those that do not exist are left out.
pub async fn places(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<MessageId, Place>, StoreError> {
    let rows = sqlx::query!("SELECT id, room_id, seq, sender_id FROM chat_messages WHERE id = ANY($1)", ids)
        .fetch_all(db)
        .await?;
    let place = |room: String, seq, sender| {
        Some(Place { room_id: RoomId::try_from(room).ok()?, seq, sender_id: UserId(sender) })
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((MessageId(row.id), place(row.room_id, row.seq, row.sender_id)?)))
        .collect())
}

/// The latest messages of each room before a `seq`, oldest first.
pub async fn before(
    db: &mut PgConnection,
    rooms: &[(&RoomId, i64)],
    limit: i64,
) -> Result<HashMap<RoomId, Vec<ChatMessage>>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT m.id, m.room_id, m.seq, m.sender_id, m.sender_name, m.sender_avatar, m.message, m.message_type,
                  m.file_url, m.file_name, m.file_size, m.client_message_id, m.reply_to, m.created_at,
                  EXISTS (SELECT FROM chat_participants p WHERE p.room_id = m.room_id AND p.user_id <> m.sender_id
                          AND p.last_read_seq >= m.seq) AS "is_read!",
                  m.reply_count, m.has_reactions, m.edited_at, m.removed_at, m.format
           FROM UNNEST($1::text[], $2::bigint[]) AS asked (room_id, seq)
           CROSS JOIN LATERAL (SELECT * FROM chat_messages c WHERE c.room_id = asked.room_id AND c.seq < asked.seq
                               ORDER BY c.seq DESC LIMIT $3) m
           ORDER BY m.room_id, m.seq"#,
        &rooms.iter().map(|(room, _)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &rooms.iter().map(|(_, seq)| *seq).collect::<Vec<_>>() as &[i64],
        limit,
    )
    .fetch_all(&mut *db)
    .await?;
    Ok(by_room(complete(db, rows).await?))
}

/// The first messages of each room after a `seq`, oldest first.
pub async fn after(
    db: &mut PgConnection,
    rooms: &[(&RoomId, i64)],
    limit: i64,
) -> Result<HashMap<RoomId, Vec<ChatMessage>>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT m.id, m.room_id, m.seq, m.sender_id, m.sender_name, m.sender_avatar, m.message, m.message_type,
                  m.file_url, m.file_name, m.file_size, m.client_message_id, m.reply_to, m.created_at,
                  EXISTS (SELECT FROM chat_participants p WHERE p.room_id = m.room_id AND p.user_id <> m.sender_id
                          AND p.last_read_seq >= m.seq) AS "is_read!",
                  m.reply_count, m.has_reactions, m.edited_at, m.removed_at, m.format
           FROM UNNEST($1::text[], $2::bigint[]) AS asked (room_id, seq)
           CROSS JOIN LATERAL (SELECT * FROM chat_messages c WHERE c.room_id = asked.room_id AND c.seq > asked.seq
                               ORDER BY c.seq ASC LIMIT $3) m
           ORDER BY m.room_id, m.seq"#,
        &rooms.iter().map(|(room, _)| room.as_str()).collect::<Vec<_>>() as &[&str],
        &rooms.iter().map(|(_, seq)| *seq).collect::<Vec<_>>() as &[i64],
        limit,
    )
    .fetch_all(&mut *db)
    .await?;
    Ok(by_room(complete(db, rows).await?))
}

fn by_room(messages: Vec<ChatMessage>) -> HashMap<RoomId, Vec<ChatMessage>> {
    let mut rooms: HashMap<RoomId, Vec<ChatMessage>> = HashMap::new();
    for message in messages {
        rooms.entry(message.room_id.clone()).or_default().push(message);
    }
    rooms
}
