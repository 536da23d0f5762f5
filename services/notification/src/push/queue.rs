//! What is to be pushed stands in a queue in the database. Whoever takes a row and dies leaves it for the next; a
//! browser that gets the same twice shows it once, because both have the notification's id as their tag. Each push is by
//! itself: one that fails, however it does, comes again later each time, and is given up after a number of times.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use metrics::counter;
use sinaesta_contracts::presence::FindOnline;
use sinaesta_contracts::{Actor, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::sender::{Pushed, Sender};
use crate::context::Context;
use crate::domain::quiet;
use crate::handlers::distinct;
use crate::store::inboxes::{self, State};
use crate::store::push::{self, Queued};

const TICK: Duration = Duration::from_millis(250);
/// How many are taken at a time, and pushed at once.
const TAKEN: i64 = 100;
const AT_ONCE: usize = 16;
/// Should the taker die, somebody else takes it after this; the next time, after twice this.
const LEASE: time::Duration = time::Duration::seconds(60);
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
    for name in ["notification_push_failures_total", "notification_pushes_given_up_total"] {
        counter!(name).increment(0);
    }
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
    let mut db = context.pool.acquire().await?;
    let taken = push::take(&mut db, context.clock.now(), LEASE, TAKEN).await?;
    drop(db);
    if taken.is_empty() {
        return Ok(0);
    }
    let (states, online) = tokio::join!(states(context, &taken), online(context, &taken));
    let count = taken.len();
    futures::stream::iter(taken)
        .for_each_concurrent(AT_ONCE, async |one| {
            let pushed = match states.get(&one.user_id) {
                // It was pushed so often, or its takers died so often, that it is not going to be concluded.
                _ if one.attempts > ATTEMPTS && !mutant!("push-tried-for-ever") => give_up(context, &one).await,
                Some(state) => push_one(context, sender, &one, state, &online).await,
                // Left as it is, it comes again when its lease is over.
                None => Ok(()),
            };
            if let Err(error) = pushed {
                counter!("notification_push_failures_total").increment(1);
                let (id, user_id, attempts) = (one.notification_id, one.user_id, one.attempts);
                tracing::warn!(%error, %id, %user_id, attempts, "a push stays in the queue; the others do not");
            }
        })
        .await;
    Ok(count)
}

/// The inboxes of those who are pushed to. Should they not be had together, each is read alone, and those that can't be
/// had are left out.
async fn states(context: &Context, taken: &[Queued]) -> HashMap<UserId, State> {
    let users = distinct(taken.iter().map(|one| one.user_id));
    if let Ok(states) = read_states(context, &users).await {
        return states;
    }
    let mut all = HashMap::new();
    for user in users {
        match read_states(context, &[user]).await {
            Ok(states) => all.extend(states),
            Err(error) => {
                counter!("notification_push_failures_total").increment(1);
                tracing::warn!(%error, user_id = %user, "what is pushed to somebody has to wait");
            }
        }
    }
    all
}

/// Those who are not known have seen nothing yet.
async fn read_states(context: &Context, users: &[Uuid]) -> Result<HashMap<UserId, State>, StoreError> {
    let mut states = inboxes::states(&mut *context.pool.acquire().await?, users).await?;
    for user in users {
        states.entry(UserId(*user)).or_default();
    }
    Ok(states)
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
    one: &Queued,
    state: &State,
    online: &HashSet<UserId>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let Some(content) = one
        .content
        .as_ref()
        .filter(|content| (!content.is_held || mutant!("push-in-an-exam")) && now - content.updated_at < WORTH)
    else {
        counter!("notification_pushes_total", "outcome" => "not-wanted").increment(1);
        return push::done(&mut *context.pool.acquire().await?, one).await;
    };
    // They may be gone before they have seen it, and the quiet hours end: looked at again, for as long as it is unread.
    if (online.contains(&one.user_id) && !mutant!("push-to-who-is-here"))
        || (quiet::is_silent(&state.preferences, content.kind, content.priority, now)
            && !mutant!("push-in-quiet-hours"))
    {
        let mut db = context.pool.acquire().await?;
        return push::put_off(&mut db, one, now + LATER, false).await;
    }
    let pushed = sender.push(one, content, state, now).await;
    counter!("notification_pushes_total", "outcome" => pushed.as_str()).increment(1);
    if matches!(pushed, Pushed::Later(_)) && one.attempts >= ATTEMPTS {
        return give_up(context, one).await;
    }
    let mut db = context.pool.acquire().await?;
    match pushed {
        Pushed::Delivered | Pushed::Refused => push::done(&mut db, one).await,
        Pushed::Gone if mutant!("push-to-browsers-that-are-gone") => push::done(&mut db, one).await,
        Pushed::Gone => push::forget(&mut db, &one.endpoint).await,
        Pushed::Later(after) => {
            let pause =
                after.unwrap_or(FIRST_PAUSE * 2_u32.saturating_pow(one.attempts.saturating_sub(1).unsigned_abs()));
            push::put_off(&mut db, one, now + pause, true).await
        }
    }
}

/// Takes something out of the queue that was tried often enough.
async fn give_up(context: &Context, one: &Queued) -> Result<(), StoreError> {
    counter!("notification_pushes_given_up_total").increment(1);
    let (id, user_id, attempts) = (one.notification_id, one.user_id, one.attempts);
    tracing::warn!(%id, %user_id, attempts, "a push is given up");
    push::done(&mut *context.pool.acquire().await?, one).await
}
