//! Messages of rooms of which chat could not say who is away: asked about again, each room by itself.

use futures::StreamExt as _;
use metrics::counter;
use sinaesta_contracts::RoomId;
use sinaesta_contracts::chat::PostedMessage;
use sinaesta_store::StoreError;
use thiserror::Error;

use crate::away::{FIRST_PAUSE, find, notify};
use crate::context::Context;
use crate::posting::{NotPosted, post};
use crate::store::posted::{self, Taken};

/// How many are taken at a time, and asked about at once.
const TAKEN: i64 = 50;
const AT_ONCE: usize = 10;
/// Should the taker die, another takes them after this.
const LEASE: time::Duration = time::Duration::seconds(60);
/// The longest pause before something is asked again, and how often it is asked in all: for about eight hours.
const LONGEST_PAUSE: time::Duration = time::Duration::minutes(5);
const ATTEMPTS: i32 = 100;

/// Why something is still to be told.
#[derive(Debug, Error)]
enum NotTold {
    #[error("chat can't say who is away: {0}")]
    Unknown(String),
    #[error("{0}")]
    NotPosted(NotPosted),
    #[error("what was stored can't be read: {0}")]
    Unreadable(String),
}

/// Tells of what was put off and is due, each by itself.
pub(crate) async fn tell_due(context: &Context) -> Result<(), StoreError> {
    let mut db = context.pool.acquire().await?;
    let taken = posted::take(&mut db, context.clock.now(), LEASE, TAKEN).await?;
    drop(db);
    futures::stream::iter(taken)
        .for_each_concurrent(AT_ONCE, async |one| {
            let told = tell(context, &one).await;
            // Left as it is, it is due again when its lease is over.
            if let Err(error) = conclude(context, &one, told).await {
                tracing::warn!(%error, room_id = one.room_id, event_id = one.event_id, "what was put off stays in its queue");
            }
        })
        .await;
    Ok(())
}

async fn tell(context: &Context, one: &Taken) -> Result<(), NotTold> {
    let room = RoomId::try_from(one.room_id.clone()).map_err(|error| NotTold::Unreadable(error.to_string()))?;
    let messages: Vec<PostedMessage> =
        serde_json::from_str(&one.messages).map_err(|error| NotTold::Unreadable(error.to_string()))?;
    let away = find(context, vec![room]).await.map_err(NotTold::Unknown)?;
    let commands = away.iter().filter_map(|one| notify(one, &messages)).collect();
    post(context, commands).await.map_err(NotTold::NotPosted)
}

async fn conclude(context: &Context, one: &Taken, told: Result<(), NotTold>) -> Result<(), StoreError> {
    let mut db = context.pool.acquire().await?;
    let Err(error) = told else { return posted::done(&mut db, one).await };
    let (room_id, event_id, attempts) = (&one.room_id, &one.event_id, one.attempts);
    if attempts >= ATTEMPTS || matches!(error, NotTold::Unreadable(_)) {
        counter!("notification_rooms_given_up_total").increment(1);
        tracing::error!(%error, room_id, event_id, attempts, "nobody is told of these messages: given up");
        return posted::done(&mut db, one).await;
    }
    tracing::warn!(%error, room_id, event_id, attempts, "those who are away are told later");
    let pause = (FIRST_PAUSE * 2_i32.saturating_pow(attempts.unsigned_abs().min(16))).min(LONGEST_PAUSE);
    posted::put_back(&mut db, one, context.clock.now() + pause).await
}
