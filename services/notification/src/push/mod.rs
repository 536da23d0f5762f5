//! Web Push: what goes to browsers that are closed (RFC 8030, encrypted after RFC 8291, signed after RFC 8292).
//!
//! What is to be pushed stands in a queue in the database. Whoever takes a row and dies leaves it for the next; a
//! browser that gets the same twice shows it once, because both have the notification's id as their tag.

mod browser;
mod key;
mod sender;
mod services;

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use metrics::counter;
use sinaesta_contracts::presence::FindOnline;
use sinaesta_contracts::{Actor, UserId};
use sinaesta_store::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::Context;
use crate::domain::quiet;
use crate::handlers::distinct;
use crate::store::inboxes::{self, State};
use crate::store::push::{self, Queued};

pub(crate) use browser::Browser;
pub(crate) use key::Key;
use sender::{Pushed, Sender};
pub(crate) use services::Services;

const TICK: Duration = Duration::from_millis(250);
/// How many are taken at a time, and pushed at once.
const TAKEN: i64 = 100;
const AT_ONCE: usize = 16;
/// Should the taker die, somebody else takes it after this.
const LEASE: Duration = Duration::from_secs(60);
/// How long something is worth pushing, and how soon it is looked at again whether it can be pushed.
const WORTH: time::Duration = time::Duration::hours(24);
const LATER: Duration = Duration::from_secs(60);
/// How often something is tried, and how long after the first time.
const ATTEMPTS: i32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Pushes what is due until `shutdown`.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let sender = match Sender::new(context.push_key.clone(), &context.settings.push_contact) {
        Ok(sender) => sender,
        Err(error) => return tracing::error!(%error, "nothing can be pushed"),
    };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        while !shutdown.is_cancelled() {
            match push_due(&context, &sender).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "pushing has to wait");
                    break;
                }
            }
        }
    }
}

/// Pushes what is due; gives how many were taken.
async fn push_due(context: &Context, sender: &Sender) -> Result<usize, StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    let taken = push::take(&mut db, now, now + LEASE, TAKEN).await?;
    if taken.is_empty() {
        return Ok(0);
    }
    let users = distinct(taken.iter().map(|one| one.user_id));
    let states = inboxes::states(&mut db, &users).await?;
    drop(db);
    let online = online(context, &taken).await;
    let count = taken.len();
    let push = async |one: Queued| {
        let state = states.get(&one.user_id).cloned().unwrap_or_default();
        push_one(context, sender, one, state, &online).await
    };
    let pushed: Vec<Result<(), StoreError>> =
        futures::stream::iter(taken).map(push).buffer_unordered(AT_ONCE).collect().await;
    pushed.into_iter().collect::<Result<(), _>>()?;
    Ok(count)
}

/// Who is connected: they have it on their screen. If that is not known, they are pushed to.
async fn online(context: &Context, taken: &[Queued]) -> HashSet<UserId> {
    let users: HashSet<UserId> = taken.iter().map(|one| one.user_id).collect();
    let find = FindOnline { users: users.into_iter().collect() };
    match context.bus.ask(&Actor::system(), &find).await {
        Ok(online) => online.into_iter().collect(),
        Err(error) => {
            tracing::debug!(error = %error.message, "who is online is not known");
            HashSet::new()
        }
    }
}

async fn push_one(
    context: &Context,
    sender: &Sender,
    one: Queued,
    state: State,
    online: &HashSet<UserId>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let Some(content) = one.content.as_ref().filter(|content| !content.is_held && now - content.updated_at < WORTH)
    else {
        counter!("notification_pushes_total", "outcome" => "not-wanted").increment(1);
        return push::done(&mut *context.pool.acquire().await?, &one).await;
    };
    // They may be gone before they have seen it, and the quiet hours end: looked at again, for as long as it is unread.
    if online.contains(&one.user_id) || quiet::is_silent(&state.preferences, content.kind, content.priority, now) {
        let mut db = context.pool.acquire().await?;
        return push::put_off(&mut db, &one, now + LATER, false).await;
    }
    let pushed = sender.push(&one, content, &state, now).await;
    counter!("notification_pushes_total", "outcome" => pushed.as_str()).increment(1);
    let mut db = context.pool.acquire().await?;
    match pushed {
        Pushed::Delivered | Pushed::Refused => push::done(&mut db, &one).await,
        Pushed::Gone => push::forget(&mut db, &one.endpoint).await,
        Pushed::Later(_) if one.attempts + 1 >= ATTEMPTS => push::done(&mut db, &one).await,
        Pushed::Later(after) => {
            let pause = after.unwrap_or(FIRST_PAUSE * 2_u32.saturating_pow(one.attempts.unsigned_abs()));
            push::put_off(&mut db, &one, now + pause, true).await
        }
    }
}
