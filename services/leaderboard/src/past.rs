//! Boards of weeks and months that are over. They seldom change, so each is ranked once and remembered: whoever asks for it
//! meanwhile waits for that one ranking. What is remembered is bounded in bytes, and forgotten when a result changes it.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_contracts::UserId;
use sinaesta_contracts::leaderboard::{BoardId, Standing};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use crate::domain::board::Score;
use crate::store::entries;

/// How long a board is remembered at the most, whatever is heard of it.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// What a board takes besides its entries, in bytes.
const FRAME: usize = 1024;
/// How many boards are ranked at the same time for one user.
const OF_ONE_USER: usize = 2;

type Key = (BoardId, OffsetDateTime);
type Cell = Arc<OnceCell<Arc<Ranked>>>;

/// A board, best first.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    places: Vec<(UserId, Score)>,
    ranks: HashMap<UserId, u32>,
}

impl Ranked {
    pub(crate) fn new(places: Vec<(UserId, Score)>) -> Self {
        let ranks = (1..).zip(&places).map(|(rank, (user, _))| (*user, rank)).collect();
        Self { places, ranks }
    }

    pub(crate) fn participants(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    /// Somebody's rank, if they are on it.
    pub(crate) fn rank(&self, user: UserId) -> Option<(u32, Score)> {
        let rank = *self.ranks.get(&user)?;
        Some((rank, self.places.get(rank as usize - 1)?.1))
    }

    /// So many places from a rank on.
    pub(crate) fn from(&self, first: u32, count: u32) -> Vec<(u32, UserId, Score)> {
        let places = self.places.iter().skip(first.saturating_sub(1) as usize).take(count as usize);
        (first..).zip(places).map(|(rank, (user, score))| (rank, *user, *score)).collect()
    }

    fn bytes(&self) -> usize {
        FRAME + self.places.len() * (size_of::<(UserId, Score)>() + 2 * size_of::<(UserId, u32)>())
    }
}

/// Why there is no board.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PastError {
    /// Others are being ranked for this user.
    #[error("other boards are being ranked for this user")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The boards that are remembered.
#[derive(Clone)]
pub(crate) struct Past {
    remembered: Arc<Mutex<Remembered>>,
    rankings: Arc<Semaphore>,
}

impl Past {
    /// None yet; of boards that take so many bytes, and with so many that are ranked side by side.
    pub(crate) fn new(most_bytes: u64, rankings: usize) -> Self {
        let most_bytes = usize::try_from(most_bytes).unwrap_or(usize::MAX);
        let remembered = Remembered { most_bytes, ..Remembered::default() };
        Self { remembered: Arc::new(Mutex::new(remembered)), rankings: Arc::new(Semaphore::new(rankings)) }
    }

    /// A board of a period that is over.
    pub(crate) async fn board(
        &self,
        pool: &PgPool,
        (board, start): (&BoardId, OffsetDateTime),
        user: UserId,
    ) -> Result<Arc<Ranked>, PastError> {
        let key = (board.clone(), start);
        let cell = self.remembered.lock().cell(&key);
        if let Some(ranked) = cell.get() {
            return Ok(Arc::clone(ranked));
        }
        let _turn = Turn::take(self, user, &key).ok_or(PastError::Busy)?;
        let rank = async {
            let permit = self.rankings.acquire().await;
            let mut db = pool.acquire().await.map_err(StoreError::from)?;
            metrics::counter!("leaderboard_rankings_total").increment(1);
            let places = entries::ranked(&mut db, board, start).await?;
            drop(permit);
            Ok::<_, StoreError>(Arc::new(Ranked::new(places)))
        };
        let ranked = Arc::clone(cell.get_or_try_init(|| rank).await?);
        self.remembered.lock().ranked(&key, &cell, ranked.bytes());
        Ok(ranked)
    }

    /// Forgets the boards that standings are on.
    pub(crate) fn forget(&self, standings: &[Standing]) {
        let mut remembered = self.remembered.lock();
        mutant!("board-of-the-past-stays-as-it-was", return);
        for one in standings {
            remembered.forget(&(one.board.clone(), one.period_start.0));
        }
    }

    /// Forgets all of them.
    pub(crate) fn forget_all(&self) {
        let mut remembered = self.remembered.lock();
        remembered.boards.clear();
        remembered.bytes = 0;
    }
}

/// A user waits for a board to be ranked; for one that others wait for too, they wait without a turn of their own.
struct Turn {
    past: Past,
    user: UserId,
    key: Key,
}

impl Turn {
    fn take(past: &Past, user: UserId, key: &Key) -> Option<Self> {
        let mut remembered = past.remembered.lock();
        let waiting = remembered.waiting.entry(user).or_default();
        if waiting.len() >= OF_ONE_USER
            && !waiting.contains_key(key)
            && !mutant!("board-any-number-ranked-for-one-user")
        {
            return None;
        }
        *waiting.entry(key.clone()).or_default() += 1;
        Some(Self { past: past.clone(), user, key: key.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut remembered = self.past.remembered.lock();
        let Some(waiting) = remembered.waiting.get_mut(&self.user) else { return };
        if let Some(count) = waiting.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.key);
            }
        }
        if waiting.is_empty() {
            remembered.waiting.remove(&self.user);
        }
    }
}

#[derive(Default)]
struct Remembered {
    boards: HashMap<Key, Board>,
    /// What is being ranked for whom, and how many requests wait for it.
    waiting: HashMap<UserId, HashMap<Key, u32>>,
    bytes: usize,
    most_bytes: usize,
    uses: u64,
}

struct Board {
    cell: Cell,
    bytes: usize,
    since: Instant,
    last_use: u64,
}

impl Remembered {
    fn cell(&mut self, key: &Key) -> Cell {
        if self.boards.get(key).is_some_and(|board| board.since.elapsed() > REMEMBERED) {
            self.forget(key);
        }
        self.uses += 1;
        let board = self.boards.entry(key.clone()).or_insert_with(|| {
            self.bytes += FRAME;
            Board { cell: Cell::default(), bytes: FRAME, since: Instant::now(), last_use: 0 }
        });
        board.last_use = self.uses;
        let cell = Arc::clone(&board.cell);
        self.make_room();
        cell
    }

    /// A board is ranked, and takes so many bytes from now on; unless it was forgotten meanwhile.
    fn ranked(&mut self, key: &Key, cell: &Cell, bytes: usize) {
        if let Some(board) = self.boards.get_mut(key).filter(|board| Arc::ptr_eq(&board.cell, cell)) {
            self.bytes = self.bytes - board.bytes + bytes;
            board.bytes = bytes;
        }
        self.make_room();
    }

    /// What was asked for longest ago goes first.
    fn make_room(&mut self) {
        while self.bytes > self.most_bytes {
            let Some(oldest) = self.boards.iter().min_by_key(|(_, board)| board.last_use) else { return };
            let oldest = oldest.0.clone();
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(board) = self.boards.remove(key) {
            self.bytes -= board.bytes;
        }
    }
}
