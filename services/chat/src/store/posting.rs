//! Storing messages: what becomes of each is decided in one statement.

use sinaesta_contracts::chat::{MessageFormat, MessageType};
use sinaesta_contracts::{MessageId, RoomId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long after a message its repeat, the same client_message_id by the same sender, is known as one, by the broker's
/// stamps.
pub const REPEATS: time::Duration = time::Duration::days(30);
/// How often it is decided anew what another transaction was quicker with.
const TRIES: u32 = 3;

/// A message that is to be stored; its `seq` comes with it being stored.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub id: MessageId,
    pub room_id: RoomId,
    pub sender_id: UserId,
    pub sender_name: String,
    pub sender_avatar: Option<String>,
    pub message: String,
    pub format: MessageFormat,
    pub message_type: MessageType,
    pub file_url: Option<String>,
    pub file_name: Option<String>,
    pub file_size: Option<i64>,
    pub client_message_id: Option<String>,
    pub reply_to: Option<MessageId>,
    /// The command's stamp.
    pub created_at: OffsetDateTime,
}

/// A command that posts, as far as it decides what becomes of it.
#[derive(Debug, Clone)]
pub struct Posting<'a> {
    /// The command's id, which is the message's.
    pub id: MessageId,
    pub sender_id: UserId,
    pub client_message_id: Option<&'a str>,
    /// The command's stamp.
    pub at: OffsetDateTime,
    /// What is stored unless it is known or its sender muted; `None` if other rules refuse it, so that it can only be known.
    pub message: Option<&'a NewMessage>,
}

/// What became of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// Stored by this statement.
    Stored { seq: i64 },
    /// The message is stored already, by this command before or by an earlier one with the same `client_message_id`.
    Known(MessageId),
    /// Its sender was muted in the room at its stamp.
    Muted { until: OffsetDateTime },
    /// It had no message to store, and is not known.
    Refused,
}

/// Stores messages, in this order, each with the next `seq` of its room, and says what became of each posting.
///
/// A repeat is known before any rule is looked at, so a command that comes again after its room was closed has the outcome
/// that it had. One statement, so one transaction and one round trip. Updating the room's row waits for whoever has it and
/// reads it anew, so `seq` has no gap and no repeat even if two replicas should write at once; a command that both apply
/// meets the unique id, and is known when it is tried again. The rooms must exist.
pub async fn post(db: &mut PgConnection, postings: &[Posting<'_>]) -> Result<Vec<Posted>, StoreError> {
    let mut decided: Vec<Option<Posted>> = vec![None; postings.len()];
    for _ in 0..TRIES {
        let open: Vec<usize> =
            decided.iter().enumerate().filter(|(_, one)| one.is_none()).map(|(place, _)| place).collect();
        if open.is_empty() {
            break;
        }
        let asked: Vec<&Posting<'_>> = open.iter().filter_map(|place| postings.get(*place)).collect();
        for (place, posted) in open.iter().zip(decide(db, &asked).await?) {
            if let Some(slot) = decided.get_mut(*place) {
                *slot = posted;
            }
        }
    }
    // Somebody else claims the same client_message_id each time, and never commits.
    let undecided =
        || StoreError::Permanent(sqlx::Error::Protocol("another transaction was quicker each time".to_owned()));
    decided.into_iter().map(|one| one.ok_or_else(undecided)).collect()
}

/// What became of each; `None` where another transaction claimed the `client_message_id` meanwhile.
async fn decide(db: &mut PgConnection, postings: &[&Posting<'_>]) -> Result<Vec<Option<Posted>>, StoreError> {
    macro_rules! column {
        ($name:ident => $value:expr) => {
            &postings.iter().map(|$name| $value).collect::<Vec<_>>()
        };
        ($name:ident ? $value:expr) => {
            &postings.iter().map(|posting| posting.message.and_then(|$name| $value)).collect::<Vec<_>>()
        };
    }
    let rows = sqlx::query!(
        r#"WITH input AS (
             SELECT * FROM UNNEST(
               $1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
               $9::text[], $10::text[], $11::text[], $12::bigint[], $13::uuid[], $15::text[]
             ) WITH ORDINALITY AS i (
               id, sender_id, client_message_id, created_at, room_id, sender_name, sender_avatar, message,
               message_type, file_url, file_name, file_size, reply_to, format, place)
           ), known AS (
             SELECT i.*,
                    COALESCE((SELECT m.id FROM chat_messages m WHERE m.id = i.id),
                             (SELECT c.message_id FROM chat_client_messages c
                              WHERE c.sender_id = i.sender_id AND c.client_message_id = i.client_message_id
                                AND c.at > i.created_at - $14::interval)) AS known,
                    (SELECT m.until FROM chat_mutes m
                     WHERE m.room_id = i.room_id AND m.user_id = i.sender_id AND m.at <= i.created_at
                     ORDER BY m.at DESC LIMIT 1) AS muted_until,
                    COALESCE(i.client_message_id, i.id::text) AS same
             FROM input i
           ), judged AS (
             SELECT k.*, k.known IS NULL AND k.room_id IS NOT NULL
                         AND NOT COALESCE(k.muted_until > k.created_at, false) AS is_new FROM known k
           ), first AS (
             -- Of repeats within the batch, the first one that may be stored counts.
             SELECT DISTINCT ON (sender_id, same) * FROM judged WHERE is_new ORDER BY sender_id, same, place
           ), claimed AS (
             INSERT INTO chat_client_messages AS c (sender_id, client_message_id, message_id, at)
             SELECT sender_id, client_message_id, id, created_at FROM first WHERE client_message_id IS NOT NULL
             ORDER BY sender_id, client_message_id
             ON CONFLICT (sender_id, client_message_id) DO UPDATE SET message_id = EXCLUDED.message_id, at = EXCLUDED.at
             WHERE c.at <= EXCLUDED.at - $14::interval
             RETURNING c.message_id
           ), fresh AS (
             SELECT f.*, row_number() OVER (PARTITION BY room_id ORDER BY place) AS nth FROM first f
             WHERE f.client_message_id IS NULL OR f.id IN (SELECT message_id FROM claimed)
           ), counted AS (
             SELECT room_id, count(*) AS count FROM fresh GROUP BY room_id ORDER BY room_id
           ), replied AS (
             UPDATE chat_messages m SET reply_count = m.reply_count + r.count
             FROM (SELECT reply_to, count(*) AS count FROM fresh WHERE reply_to IS NOT NULL GROUP BY reply_to) r
             WHERE m.id = r.reply_to
           ), rooms AS (
             UPDATE chat_rooms r SET last_seq = r.last_seq + c.count FROM counted c WHERE r.id = c.room_id
             RETURNING r.id, r.last_seq - c.count AS base
           ), stored AS (
             -- ON CONFLICT the statement fails as a whole, seqs included; tried again, it finds the message known.
             INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, sender_avatar, message, message_type,
                                        file_url, file_name, file_size, client_message_id, reply_to, created_at,
                                        format)
             SELECT f.id, f.room_id, r.base + f.nth, f.sender_id, f.sender_name, f.sender_avatar, f.message,
                    f.message_type, f.file_url, f.file_name, f.file_size, f.client_message_id, f.reply_to, f.created_at,
                    f.format
             FROM fresh f JOIN rooms r ON r.id = f.room_id
             RETURNING id, seq
           )
           SELECT j.known AS "known?", j.muted_until AS "muted_until?", j.is_new AS "is_new!", f.id AS "first?",
                  s.seq AS "seq?"
           FROM judged j LEFT JOIN first f ON j.is_new AND f.sender_id = j.sender_id AND f.same = j.same
           LEFT JOIN stored s ON s.id = f.id
           ORDER BY j.place"#,
        column!(one => one.id.0) as &[Uuid],
        column!(one => one.sender_id.0) as &[Uuid],
        column!(one => one.client_message_id) as &[Option<&str>],
        column!(one => one.at) as &[OffsetDateTime],
        column!(m ? Some(m.room_id.as_str())) as &[Option<&str>],
        column!(m ? Some(m.sender_name.as_str())) as &[Option<&str>],
        column!(m ? m.sender_avatar.as_deref()) as &[Option<&str>],
        column!(m ? Some(m.message.as_str())) as &[Option<&str>],
        column!(m ? Some(m.message_type.as_str())) as &[Option<&str>],
        column!(m ? m.file_url.as_deref()) as &[Option<&str>],
        column!(m ? m.file_name.as_deref()) as &[Option<&str>],
        column!(m ? m.file_size) as &[Option<i64>],
        column!(m ? m.reply_to.map(|id| id.0)) as &[Option<Uuid>],
        interval(REPEATS),
        column!(m ? Some(m.format.as_str())) as &[Option<&str>],
    )
    .fetch_all(db)
    .await?;
    let posted = postings.iter().zip(rows).map(|(posting, row)| match (row.known, row.first, row.seq) {
        (Some(known), ..) => Some(Posted::Known(MessageId(known))),
        (None, Some(first), Some(seq)) if first == posting.id.0 => Some(Posted::Stored { seq }),
        (None, Some(first), Some(_)) => Some(Posted::Known(MessageId(first))),
        (None, Some(_), None) => None,
        (None, None, _) => Some(row.muted_until.map_or(Posted::Refused, |until| Posted::Muted { until })),
    });
    Ok(posted.collect())
}

fn interval(duration: time::Duration) -> PgInterval {
    PgInterval { months: 0, days: i32::try_from(duration.whole_days()).unwrap_or(i32::MAX), microseconds: 0 }
}

/// Forgets what `client_message_id`s of before `until` meant, at most `limit`; says how many.
pub async fn forget_client_ids(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM chat_client_messages WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM chat_client_messages WHERE at < $1 LIMIT $2))",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
