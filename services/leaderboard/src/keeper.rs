//! Keeps the boards in memory as they are stored: read at the start, followed from then on, compared all the time.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use sinaesta_bus::{BusError, Followed, Follower};
use sinaesta_contracts::leaderboard::{BoardId, Period, Person, Standing, StandingsChanged};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Context;
use crate::domain::board::Digest;
use crate::index::Index;
use crate::store::{entries, people};

/// How many rows are read at a time.
const PAGE: i64 = 10_000;
/// How long news of a change may take.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// How soon reading is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps one replica's boards.
pub(crate) struct Keeper {
    context: Context,
    follower: Follower<StandingsChanged>,
    /// The boards that are still to be compared before all of them are again.
    to_compare: Vec<BoardId>,
    /// Those that were not as they are stored, how they were stored, and when that was seen.
    doubtful: HashMap<BoardId, (Digest, Instant)>,
}

impl Keeper {
    /// Reads the boards. They are followed before they are read, so that nothing falls between.
    pub(crate) async fn load(context: &Context) -> Result<Self, LoadError> {
        let follower = context.bus.follow().await?;
        let started = Instant::now();
        let loaded = read(context).await?;
        context.index.replace(loaded);
        let took = started.elapsed();
        histogram!("leaderboard_load_seconds").record(took);
        tracing::info!(entries = context.index.len(), took_ms = took.as_millis(), "the boards are read");
        Ok(Self { context: context.clone(), follower, to_compare: Vec::new(), doubtful: HashMap::new() })
    }

    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut tick = interval(Duration::from_millis(self.context.settings.compare_ms));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                followed = self.follower.next() => match followed {
                    Followed::Event(event) if event.is_reload => self.reload(&shutdown).await,
                    Followed::Event(event) => self.apply(&event.standings, event.people),
                    Followed::Gap => {
                        tracing::warn!("something may have been missed: the boards are read anew");
                        self.reload(&shutdown).await;
                    }
                },
                _ = tick.tick() => if let Err(error) = self.compare_next().await {
                    tracing::warn!(%error, "the boards can't be compared for now");
                },
            }
        }
    }

    fn apply(&self, standings: &[Standing], people: Vec<Person>) {
        let now = self.context.clock.now();
        let changed = self.context.index.apply(standings, people, now);
        self.context.changes.note(changed);
    }

    /// Reads everything anew, and answers from what is known until it is read.
    async fn reload(&mut self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            match read(&self.context).await {
                Ok(loaded) => {
                    let changed = self.context.index.replace(loaded);
                    return self.context.changes.note(changed);
                }
                Err(error) => tracing::warn!(%error, "the boards can't be read for now"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Holds the next board against the database.
    async fn compare_next(&mut self) -> Result<(), StoreError> {
        gauge!("leaderboard_index_entries").set(self.context.index.len() as f64);
        if self.to_compare.is_empty() {
            self.to_compare = self.all_boards().await?;
        }
        // Those that are in doubt are looked at each time.
        let doubtful: Vec<BoardId> = self.doubtful.keys().cloned().collect();
        for board in doubtful.into_iter().chain(self.to_compare.pop()) {
            self.compare(&board).await?;
        }
        Ok(())
    }

    /// Those that are stored and those in memory: a board may be missing here as a whole.
    async fn all_boards(&mut self) -> Result<Vec<BoardId>, StoreError> {
        let Context { index, clock, calendar, pool, .. } = &self.context;
        let now = clock.now();
        let mut boards = index.boards(now);
        let mut db = pool.acquire().await?;
        for period in Period::ALL {
            boards.extend(entries::boards(&mut db, period, calendar.start(period, now)).await?);
        }
        boards.sort_unstable();
        boards.dedup();
        Ok(boards)
    }

    async fn compare(&mut self, board: &BoardId) -> Result<(), StoreError> {
        let Context { index, clock, calendar, pool, .. } = self.context.clone();
        let now = clock.now();
        let start = calendar.start(board.period, now);
        let mut db = pool.acquire().await?;
        let stored = entries::digest(&mut db, board, start).await?;
        counter!("leaderboard_comparisons_total").increment(1);
        counter!("leaderboard_differences_total").increment(0);
        if stored == index.digest(board, now) {
            self.doubtful.remove(board);
            return Ok(());
        }
        // What was stored just now is on its way; what nothing was added to for a while should be here.
        let (before, since) = *self.doubtful.entry(board.clone()).or_insert((stored, Instant::now()));
        if before != stored {
            self.doubtful.insert(board.clone(), (stored, Instant::now()));
        } else if since.elapsed() >= ON_ITS_WAY {
            self.doubtful.remove(board);
            let repaired = self.repair(&mut db, board, start).await?;
            counter!("leaderboard_differences_total").increment(repaired);
            tracing::error!(?board, repaired, "a board in memory was not as it is stored");
        }
        Ok(())
    }

    /// Reads a board anew; gives how many entries were not as they are stored.
    async fn repair(
        &mut self,
        db: &mut PgConnection,
        board: &BoardId,
        start: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let (mut standings, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let page = entries::page(db, board, start, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.user_id.0;
            standings.extend(page);
        }
        let users: Vec<_> = standings.iter().map(|one| one.user_id.0).collect();
        let people = people::find(db, &users).await?;
        let now = self.context.clock.now();
        let differences = self.context.index.renew(board, &standings, people, now);
        self.context.changes.note(vec![board.clone()]);
        Ok(differences)
    }
}

/// The boards can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The boards of the periods that run now, and everyone on them.
async fn read(context: &Context) -> Result<Index, StoreError> {
    let (index, now) = (Index::new(context.calendar.clone()), context.clock.now());
    let mut db = context.pool.acquire().await?;
    let mut after = Uuid::nil();
    loop {
        let page = people::page(&mut db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.user_id.0;
        index.apply(&[], page, now);
    }
    for period in Period::ALL {
        let start = context.calendar.start(period, now);
        for board in entries::boards(&mut db, period, start).await? {
            let mut after = Uuid::nil();
            loop {
                let page = entries::page(&mut db, &board, start, after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = last.user_id.0;
                index.apply(&page, Vec::new(), now);
            }
        }
    }
    Ok(index)
}
