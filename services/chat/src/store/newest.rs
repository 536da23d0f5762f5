//! Which command of each gateway about something is its newest.
//!
//! A gateway's one process makes the ids of its commands in their order. So whatever is not above its newest that is known comes
//! again, or late, and says nothing new. What different gateways say is not compared: it is in the order in which it is stored.

use std::collections::BTreeMap;

use sinaesta_contracts::GatewayId;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// For how long it is known: much longer than a sender repeats a command.
pub const KEPT: time::Duration = time::Duration::hours(1);

/// A command about something.
#[derive(Debug, Clone)]
pub struct Word {
    /// What it is about: only commands about the same subject are older or newer than each other.
    pub subject: String,
    /// The gateway that sent it.
    pub gateway: Option<GatewayId>,
    pub command: Uuid,
    /// The command's stamp.
    pub at: OffsetDateTime,
}

/// Notes commands, which may be about the same; says of each, in their order, whether it is news. The subjects are locked until the
/// transaction ends.
pub async fn note(db: &mut PgConnection, words: &[Word]) -> Result<Vec<bool>, StoreError> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let mut last: BTreeMap<(&str, Uuid), (Uuid, OffsetDateTime)> = BTreeMap::new();
    for word in words {
        let (newest, at) = last.entry(key(word)).or_insert((word.command, word.at));
        (*newest, *at) = ((*newest).max(word.command), (*at).max(word.at));
    }
    let rows = sqlx::query!(
        "INSERT INTO chat_newest_commands AS k (subject, gateway_id, newest, at)
         SELECT * FROM UNNEST($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS new (s, g, n, a) ORDER BY s, g
         ON CONFLICT (subject, gateway_id) DO UPDATE SET
           previous = k.newest, newest = GREATEST(k.newest, EXCLUDED.newest), at = GREATEST(k.at, EXCLUDED.at)
         RETURNING subject, gateway_id, previous",
        &last.keys().map(|(subject, _)| *subject).collect::<Vec<_>>() as &[&str],
        &last.keys().map(|(_, gateway)| *gateway).collect::<Vec<_>>(),
        &last.values().map(|(newest, _)| *newest).collect::<Vec<_>>(),
        &last.values().map(|(_, at)| *at).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    let known = rows.iter().filter_map(|row| Some(((row.subject.as_str(), row.gateway_id), row.previous?)));
    Ok(compare(words, known.collect()))
}

/// Says of each command whether it is news and notes none: for those that may be refused, of which the others are noted then. What
/// they are about is to be locked.
pub async fn are_news(db: &mut PgConnection, words: &[Word]) -> Result<Vec<bool>, StoreError> {
    let rows = sqlx::query!(
        "SELECT k.subject, k.gateway_id, k.newest FROM chat_newest_commands k
         JOIN (SELECT DISTINCT s, g FROM UNNEST($1::text[], $2::uuid[]) AS asked (s, g)) asked
           ON k.subject = asked.s AND k.gateway_id = asked.g",
        &words.iter().map(|word| word.subject.as_str()).collect::<Vec<_>>() as &[&str],
        &words.iter().map(|word| key(word).1).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    let known = rows.iter().map(|row| ((row.subject.as_str(), row.gateway_id), row.newest));
    Ok(compare(words, known.collect()))
}

fn compare<'w>(words: &'w [Word], mut newest: BTreeMap<(&'w str, Uuid), Uuid>) -> Vec<bool> {
    let is_news = |word: &'w Word| {
        let newest = newest.entry(key(word)).or_default();
        let is_news = word.command > *newest || mutant!("chat-late-command-counts");
        *newest = word.command.max(*newest);
        is_news
    };
    words.iter().map(is_news).collect()
}

fn key(word: &Word) -> (&str, Uuid) {
    (&word.subject, word.gateway.map_or(Uuid::nil(), |gateway| gateway.0))
}

/// Forgets some of what no gateway repeats any more; says how many.
pub async fn forget(db: &mut PgConnection, until: OffsetDateTime, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM chat_newest_commands WHERE (subject, gateway_id) IN (
           SELECT subject, gateway_id FROM chat_newest_commands WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        until,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
