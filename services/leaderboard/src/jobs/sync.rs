//! Keeps the boards in memory as they are stored: read at the start, followed from then on, compared all the time. Each
//! board is by itself: one that can't be read keeps no other from being read or compared, nothing is said of it, and it is
//! tried again, later each time.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use sinaesta_bus::{BusError, Followed, Follower};
use sinaesta_contracts::leaderboard::{BoardId, Period, Person, Standing, StandingsChanged};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::board::Digest;
use crate::index::Index;
use crate::store::{entries, people};

/// How many rows are read at a time.
const PAGE: i64 = 10_000;
/// How long news of a change may take.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// How soon reading is tried again; of one board, twice as late each time, up to this.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps one replica's boards.
pub(crate) struct IndexSync {
    context: Context,
    follower: Follower<StandingsChanged>,
    /// The boards that are still to be compared before all of them are again.
    to_compare: Vec<BoardId>,
    /// Those that were not as they are stored, or could not be read.
    doubtful: HashMap<BoardId, Doubt>,
}

/// Why a board is looked at again.
#[derive(Debug, Default)]
struct Doubt {
    /// How it was stored when it was not so in memory, and since when it has been.
    differs: Option<(Digest, Instant)>,
    /// How often it could not be read, and until when it is left alone.
    failures: u32,
    until: Option<Instant>,
}

impl Doubt {
    fn is_due(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }
}

impl IndexSync {
    /// Reads the boards. They are followed before they are read, so that nothing falls between.
    pub(crate) async fn load(context: &Context) -> Result<Self, LoadError> {
        let follower = context.bus.follow().await?;
        let started = Instant::now();
        let (loaded, doubtful) = read(context).await?;
        context.index.replace(loaded);
        let took = started.elapsed();
        histogram!("leaderboard_load_seconds").record(took);
        tracing::info!(entries = context.index.len(), took_ms = took.as_millis(), "the boards are read");
        for name in
            ["leaderboard_comparisons_total", "leaderboard_differences_total", "leaderboard_read_failures_total"]
        {
            counter!(name).increment(0);
        }
        Ok(Self { context: context.clone(), follower, to_compare: Vec::new(), doubtful })
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
                _ = tick.tick() => self.compare_next().await,
            }
        }
    }

    fn apply(&self, standings: &[Standing], people: Vec<Person>) {
        let now = self.context.clock.now();
        self.context.past.forget(standings);
        self.context.index.apply(standings, people, now);
        // Those that are known as well: what was stored right before a crash is read at the start, and nobody who watches was
        // told of it. Where they were, telling finds nothing new.
        self.context.changes.note(standings.iter().map(|one| one.board.clone()).collect());
    }

    /// Reads everything anew, and answers from what is known until it is read.
    async fn reload(&mut self, shutdown: &CancellationToken) {
        mutant!("board-not-read-anew", return);
        while !shutdown.is_cancelled() {
            match read(&self.context).await {
                Ok((loaded, doubtful)) => {
                    self.context.past.forget_all();
                    self.doubtful.extend(doubtful);
                    let changed = self.context.index.replace(loaded);
                    return self.context.changes.note(changed);
                }
                Err(error) => tracing::warn!(%error, "the boards can't be read for now"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Holds the next board against the database.
    async fn compare_next(&mut self) {
        gauge!("leaderboard_index_entries").set(self.context.index.len() as f64);
        if self.to_compare.is_empty() {
            self.to_compare = all_boards(&self.context).await;
        }
        // Those that are in doubt are looked at each time.
        let due = self.doubtful.iter().filter(|(_, doubt)| doubt.is_due());
        let mut boards: Vec<BoardId> = due.map(|(board, _)| board.clone()).collect();
        boards.extend(self.to_compare.pop().filter(|board| !self.doubtful.contains_key(board)));
        for board in boards {
            if let Err(error) = self.compare(&board).await {
                counter!("leaderboard_read_failures_total").increment(1);
                let doubt = self.doubtful.entry(board.clone()).or_default();
                doubt.failures += 1;
                let pause = (AGAIN * 2_u32.saturating_pow(doubt.failures.min(16))).min(LONGEST_PAUSE);
                doubt.until = Some(Instant::now() + pause);
                tracing::warn!(%error, ?board, failures = doubt.failures, "a board can't be compared; the others are");
            }
        }
    }

    async fn compare(&mut self, board: &BoardId) -> Result<(), StoreError> {
        let Context { index, clock, calendar, pool, .. } = self.context.clone();
        let now = clock.now();
        let start = calendar.start(board.period, now);
        let mut db = pool.acquire().await?;
        if index.is_unreadable(board, now) {
            let entries = self.repair(&mut db, board, start).await?;
            self.doubtful.remove(board);
            tracing::info!(?board, entries, "a board that could not be read is read");
            return Ok(());
        }
        let stored = entries::digest(&mut db, board, start).await?;
        counter!("leaderboard_comparisons_total").increment(1);
        if stored == index.digest(board, now) || mutant!("board-differences-stay") {
            self.doubtful.remove(board);
            return Ok(());
        }
        // What was stored just now is on its way; what nothing was added to for a while should be here.
        let doubt = self.doubtful.entry(board.clone()).or_default();
        match doubt.differs {
            Some((before, since)) if before == stored => {
                if since.elapsed() >= ON_ITS_WAY {
                    let repaired = self.repair(&mut db, board, start).await?;
                    self.doubtful.remove(board);
                    counter!("leaderboard_differences_total").increment(repaired);
                    tracing::error!(?board, repaired, "a board in memory was not as it is stored");
                }
            }
            _ => doubt.differs = Some((stored, Instant::now())),
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
        let standings = read_board(db, board, start).await?;
        let users: Vec<_> = standings.iter().map(|one| one.user_id.0).collect();
        let people = people::find(db, &users).await?;
        let now = self.context.clock.now();
        let differences = self.context.index.renew(board, &standings, people, now);
        self.context.changes.note(vec![board.clone()]);
        Ok(differences)
    }
}

/// Those that are stored and those in memory: a board may be missing here as a whole.
async fn all_boards(context: &Context) -> Vec<BoardId> {
    let Context { index, clock, calendar, .. } = context;
    let now = clock.now();
    let mut boards = index.boards(now);
    for period in Period::ALL {
        match stored_boards(context, period, calendar.start(period, now)).await {
            Ok(stored) => boards.extend(stored),
            Err(error) => {
                counter!("leaderboard_read_failures_total").increment(1);
                tracing::warn!(%error, period = period.as_str(), "which boards are stored can't be read");
            }
        }
    }
    boards.sort_unstable();
    boards.dedup();
    boards
}

async fn stored_boards(context: &Context, period: Period, start: OffsetDateTime) -> Result<Vec<BoardId>, StoreError> {
    let mut db = context.pool.acquire().await?;
    entries::boards(&mut db, period, start).await
}

/// The boards can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The boards of the periods that run now, or nearly, and everyone on them. One that can't be read for a reason of its own
/// is left out and in doubt.
async fn read(context: &Context) -> Result<(Index, HashMap<BoardId, Doubt>), StoreError> {
    let (index, now) = (Index::new(context.calendar.clone()), context.clock.now());
    let mut db = context.pool.acquire().await?;
    let mut after = Uuid::nil();
    loop {
        let page = people::page(&mut db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.user_id.0;
        index.apply(&[], page, now);
    }
    let mut doubtful: HashMap<BoardId, Doubt> = HashMap::new();
    for period in Period::ALL {
        for start in index.starts(period, now) {
            for board in entries::boards(&mut db, period, start).await? {
                match read_board(&mut db, &board, start).await {
                    Ok(standings) => drop(index.apply(&standings, Vec::new(), now)),
                    Err(error @ StoreError::Away(_)) => return Err(error),
                    Err(error) => {
                        counter!("leaderboard_read_failures_total").increment(1);
                        tracing::error!(%error, ?board, "a board can't be read: nothing is said of it until it can");
                        index.note_unreadable((board.clone(), start));
                        doubtful.entry(board).or_default();
                    }
                }
            }
        }
    }
    Ok((index, doubtful))
}

/// All entries of a board.
async fn read_board(
    db: &mut PgConnection,
    board: &BoardId,
    start: OffsetDateTime,
) -> Result<Vec<Standing>, StoreError> {
    let (mut standings, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = entries::page(db, board, start, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(standings) };
        after = last.user_id.0;
        standings.extend(page);
    }
}
