//! Makes messages searchable, shortly after they were posted and by itself: a search only reads.

use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sinaesta_contracts::RoomId;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::store::search;

/// How soon it is looked for new messages.
const TICK: Duration = Duration::from_millis(200);
/// How often all rooms are looked through: for what a replica posted that ended before it was searchable.
const SWEEP: Duration = Duration::from_secs(10 * 60);
/// How many rooms are noted at the most; with more, all are looked through.
const MOST: usize = 10_000;
/// How many rooms a sweep reads at a time.
const PAGE: i64 = 500;

/// Rooms in which this replica has posted something that is not searchable yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posted(Arc<Mutex<HashSet<RoomId>>>);

impl Posted {
    /// Notes rooms.
    pub(crate) fn note<'a>(&self, rooms: impl Iterator<Item = &'a RoomId>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for room in rooms {
            if noted.len() <= MOST && !noted.contains(room) {
                noted.insert(room.clone());
            }
        }
    }

    fn take(&self) -> HashSet<RoomId> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Does so until `shutdown`.
pub(crate) async fn keep(context: Context, shutdown: CancellationToken) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticking = async {
        let mut swept: Option<Instant> = None;
        loop {
            tick.tick().await;
            let rooms = context.posted.take();
            let is_due = rooms.len() > MOST || swept.is_none_or(|at| at.elapsed() >= SWEEP);
            let done = async {
                index(&context, rooms).await?;
                if is_due { sweep(&context).await } else { Ok(()) }
            };
            match done.await {
                Ok(()) if is_due => swept = Some(Instant::now()),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "messages can't be made searchable yet; all rooms are looked through soon");
                    swept = None;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(ticking).await;
}

/// Rooms take turns, so that none waits for a long one.
async fn index(context: &Context, mut rooms: HashSet<RoomId>) -> Result<(), StoreError> {
    mutant!("search-never-indexes", return Ok(()));
    while !rooms.is_empty() {
        let mut unfinished = HashSet::new();
        for room in rooms {
            let mut db = context.pool.acquire().await?;
            if search::index(&mut db, &room).await? {
                unfinished.insert(room);
            }
        }
        rooms = unfinished;
        // What was posted meanwhile takes its turn too.
        rooms.extend(context.posted.take());
    }
    Ok(())
}

async fn sweep(context: &Context) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let mut db = context.pool.acquire().await?;
        let rooms = search::behind(&mut db, &after, PAGE).await?;
        drop(db);
        let Some(last) = rooms.last() else { return Ok(()) };
        after = last.to_string();
        index(context, rooms.into_iter().collect()).await?;
    }
}
