//! The boards of the periods that run, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use sinaesta_contracts::UserId;
use sinaesta_contracts::leaderboard::{BoardId, LeaderboardEntry, Person, Standing, UserRank};
use time::OffsetDateTime;

use crate::domain::board::{Board, Digest, Score};
use crate::domain::calendar::Calendar;

/// The boards and who is on them; clones share it.
#[derive(Clone)]
pub(crate) struct Index {
    calendar: Calendar,
    inner: Arc<RwLock<Inner>>,
}

#[derive(Default)]
struct Inner {
    boards: HashMap<BoardId, Running>,
    people: HashMap<UserId, Shown>,
}

/// How somebody is shown.
struct Shown {
    name: Box<str>,
    avatar: Option<Box<str>>,
}

/// A board of the period that began at `start`.
struct Running {
    start: OffsetDateTime,
    board: Board,
}

/// What of a board is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slice {
    /// The first so many.
    Top(u32),
    /// Somebody and their neighbours, so many in all.
    Around(UserId, u32),
}

impl Index {
    pub(crate) fn new(calendar: Calendar) -> Self {
        Self { calendar, inner: Arc::default() }
    }

    /// Takes in standings; those of periods that do not run at `now` are passed over. Gives the boards that changed.
    pub(crate) fn apply(&self, standings: &[Standing], people: Vec<Person>, now: OffsetDateTime) -> Vec<BoardId> {
        let mut inner = self.inner.write();
        for Person { user_id, name, avatar } in people {
            inner.people.insert(user_id, Shown { name: name.into(), avatar: avatar.map(Into::into) });
        }
        let mut changed: Vec<BoardId> = Vec::new();
        for one in standings {
            let start = self.calendar.start(one.board.period, now);
            if one.period_start.0 != start {
                continue;
            }
            let running = inner.running(&one.board, start);
            let (total, exams_completed) = (one.total_score, one.exams_completed);
            let score = Score { total, exams_completed, reached_at: one.reached_at.0 };
            let score = (exams_completed > 0).then_some(score);
            if running.board.set(one.user_id, score, one.version) && !changed.contains(&one.board) {
                changed.push(one.board.clone());
            }
        }
        changed
    }

    /// Replaces what is known by what another index knows.
    pub(crate) fn replace(&self, other: Self) -> Vec<BoardId> {
        let new = std::mem::take(&mut *other.inner.write());
        let mut inner = self.inner.write();
        *inner = new;
        inner.boards.keys().cloned().collect()
    }

    /// The board of the period that runs at `now`, if anybody is on it.
    fn read<R>(&self, id: &BoardId, now: OffsetDateTime, read: impl FnOnce(&Board, &Inner) -> R) -> Option<R> {
        let start = self.calendar.start(id.period, now);
        let inner = self.inner.read();
        let running = inner.boards.get(id).filter(|running| running.start == start)?;
        Some(read(&running.board, &inner))
    }

    /// Part of a board.
    pub(crate) fn entries(&self, id: &BoardId, slice: Slice, now: OffsetDateTime) -> Vec<LeaderboardEntry> {
        let entries = |board: &Board, inner: &Inner| {
            let places = match slice {
                Slice::Top(count) => board.from_rank(1, count),
                Slice::Around(user, count) => board.around(user, count),
            };
            places.into_iter().map(|(rank, user, score)| inner.entry(id, rank, user, &score)).collect()
        };
        self.read(id, now, entries).unwrap_or_default()
    }

    /// Where people stand; those who are not on the board are left out.
    pub(crate) fn ranks(&self, id: &BoardId, users: &[UserId], now: OffsetDateTime) -> Vec<UserRank> {
        let ranks = |board: &Board, _: &Inner| {
            let participants = u32::try_from(board.len()).unwrap_or(u32::MAX);
            let rank =
                |user: &UserId| board.rank(*user).map(|(rank, score)| user_rank(*user, rank, &score, participants));
            users.iter().filter_map(rank).collect()
        };
        self.read(id, now, ranks).unwrap_or_default()
    }

    /// A number that is another one whenever the board is another one.
    pub(crate) fn revision(&self, id: &BoardId, now: OffsetDateTime) -> (OffsetDateTime, u64) {
        let revision = self.read(id, now, |board, _| board.revision()).unwrap_or_default();
        (self.calendar.start(id.period, now), revision)
    }

    /// All boards there are.
    pub(crate) fn boards(&self) -> Vec<BoardId> {
        self.inner.read().boards.keys().cloned().collect()
    }

    /// For comparison with the database.
    pub(crate) fn digest(&self, id: &BoardId, now: OffsetDateTime) -> Digest {
        self.read(id, now, |board, _| board.digest()).unwrap_or_default()
    }

    /// Puts a board as it was read in the place of the one in memory; gives how many entries were not the same.
    pub(crate) fn renew(&self, id: &BoardId, standings: &[Standing], people: Vec<Person>, now: OffsetDateTime) -> u64 {
        let read = Self::new(self.calendar.clone());
        read.apply(standings, people, now);
        let mut read = std::mem::take(&mut *read.inner.write());
        let start = self.calendar.start(id.period, now);
        let mut inner = self.inner.write();
        inner.people.extend(std::mem::take(&mut read.people));
        let running = inner.running(id, start);
        let mut board = read.boards.remove(id).map(|running| running.board).unwrap_or_default();
        let differences = board.succeed(&running.board);
        running.board = board;
        differences
    }

    /// How many entries all boards have.
    pub(crate) fn len(&self) -> usize {
        self.inner.read().boards.values().map(|running| running.board.len()).sum()
    }
}

impl Inner {
    /// The board of a period, which takes the place of an earlier one's.
    fn running(&mut self, id: &BoardId, start: OffsetDateTime) -> &mut Running {
        let fresh = || Running { start, board: Board::default() };
        let running = self.boards.entry(id.clone()).or_insert_with(fresh);
        if running.start != start {
            *running = fresh();
        }
        running
    }

    fn entry(&self, id: &BoardId, rank: u32, user: UserId, score: &Score) -> LeaderboardEntry {
        let shown = self.people.get(&user);
        LeaderboardEntry {
            user_id: user,
            user_name: shown.map(|shown| shown.name.to_string()).unwrap_or_default(),
            user_avatar: shown.and_then(|shown| shown.avatar.as_deref().map(str::to_owned)),
            specialty: id.specialty.clone(),
            total_score: score.total,
            exams_completed: score.exams_completed,
            average_score: score.average(),
            rank,
            previous_rank: None,
            period: id.period,
        }
    }
}

/// Somebody's own place.
pub(crate) fn user_rank(user_id: UserId, rank: u32, score: &Score, participants: u32) -> UserRank {
    UserRank {
        user_id,
        rank,
        previous_rank: None,
        total_score: score.total,
        exams_completed: score.exams_completed,
        average_score: score.average(),
        participants,
    }
}
