//! The boards of the periods that run, in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{RwLock, RwLockWriteGuard};
use sinaesta_contracts::UserId;
use sinaesta_contracts::leaderboard::{BoardId, LeaderboardEntry, Period, Person, Standing, UserRank};
use sinaesta_mutants::mutant;
use time::{Duration, OffsetDateTime};

use crate::domain::board::{Board, Digest, Score};
use crate::domain::bounds;
use crate::domain::calendar::Calendar;

/// So long after a period is over its boards are kept, and so long before one begins they are read: by whose time one
/// runs is for the command or the query to say, and a replica's may be another.
pub(crate) const MARGIN: Duration = Duration::HOUR;

/// A board of a period, by its beginning.
pub(crate) type Key = (BoardId, OffsetDateTime);

/// The boards and who is on them; clones share it.
#[derive(Clone)]
pub(crate) struct Index {
    calendar: Calendar,
    inner: Arc<RwLock<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// One that begins soon may have entries before it does.
    boards: HashMap<Key, Kept>,
    /// Those that are stored and could not be read: nothing is said of them.
    unreadable: HashSet<Key>,
    people: HashMap<UserId, Shown>,
    /// Counts the changes of all boards.
    changes: u64,
}

/// How somebody is shown.
struct Shown {
    name: Box<str>,
    avatar: Option<Box<str>>,
    seen_at: OffsetDateTime,
}

/// A board, and the number of its latest change.
#[derive(Default)]
struct Kept {
    board: Board,
    revision: u64,
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

    /// The beginnings of the periods of a kind that are kept.
    pub(crate) fn starts(&self, period: Period, now: OffsetDateTime) -> Vec<OffsetDateTime> {
        let mut starts = [now - MARGIN, now, now + MARGIN].map(|at| self.calendar.start(period, at)).to_vec();
        starts.dedup();
        starts
    }

    /// Takes in standings, save those of periods that are long over. Gives the boards that changed.
    pub(crate) fn apply(&self, standings: &[Standing], people: Vec<Person>, now: OffsetDateTime) -> Vec<BoardId> {
        let mut inner = self.inner.write();
        inner.show(people);
        let mut changed: Vec<BoardId> = Vec::new();
        for one in standings {
            if one.period_start.0 < self.calendar.start(one.board.period, now - MARGIN) {
                continue;
            }
            let (total, exams_completed) = (one.total_score, one.exams_completed);
            let score = Score { total, exams_completed, reached_at: one.reached_at.0 };
            let score = (exams_completed > 0).then_some(score);
            let key = (one.board.clone(), one.period_start.0);
            if inner.set(key, one.user_id, score, one.version) && !changed.contains(&one.board) {
                changed.push(one.board.clone());
            }
        }
        changed
    }

    /// Forgets the boards of periods that are long over.
    pub(crate) fn forget_past(&self, now: OffsetDateTime) {
        let is_past = |(id, start): &Key| *start < self.calendar.start(id.period, now - MARGIN);
        let mut inner = self.inner.write();
        inner.unreadable.retain(|key| !is_past(key));
        let past: Vec<_> = inner.boards.extract_if(|key, _| is_past(key)).collect();
        drop(inner);
        drop(past);
    }

    /// Notes that a board is stored and can't be read.
    pub(crate) fn note_unreadable(&self, key: Key) {
        self.inner.write().unreadable.insert(key);
    }

    /// Whether nothing can be said of the board of the period that runs at `now`.
    pub(crate) fn is_unreadable(&self, id: &BoardId, now: OffsetDateTime) -> bool {
        let inner = self.inner.read();
        !inner.unreadable.is_empty() && inner.unreadable.contains(&(id.clone(), self.calendar.start(id.period, now)))
    }

    /// Replaces what is known by what another index knows. A board that it could not read stays as it was, if it was
    /// there. Gives the boards that may have changed.
    pub(crate) fn replace(&self, other: Self) -> Vec<BoardId> {
        let mut new = std::mem::take(&mut *other.inner.write());
        let mut inner = self.inner.write();
        new.changes = inner.changes + 1;
        new.boards.values_mut().for_each(|kept| kept.revision = inner.changes + 1);
        let unreadable: Vec<Key> = new.unreadable.iter().cloned().collect();
        for key in unreadable {
            // One that was not read before either has only what came since.
            let is_known = !inner.unreadable.contains(&key);
            if let Some(kept) = is_known.then(|| inner.boards.remove(&key)).flatten() {
                new.unreadable.remove(&key);
                new.boards.insert(key, kept);
            }
        }
        let old = std::mem::replace(&mut *inner, new);
        let boards = inner.boards.keys().map(|(id, _)| id.clone()).collect();
        drop(inner);
        // Not under the lock: there may be millions.
        drop(old);
        boards
    }

    /// The board of the period that runs at `now`, if anybody is on it.
    fn read<R>(&self, id: &BoardId, now: OffsetDateTime, read: impl FnOnce(&Kept, &Inner) -> R) -> Option<R> {
        let key = (id.clone(), self.calendar.start(id.period, now));
        let inner = self.inner.read();
        inner.boards.get(&key).map(|kept| read(kept, &inner))
    }

    /// Part of a board.
    pub(crate) fn entries(&self, id: &BoardId, slice: Slice, now: OffsetDateTime) -> Vec<LeaderboardEntry> {
        let entries = |Kept { board, .. }: &Kept, inner: &Inner| -> Vec<LeaderboardEntry> {
            let places = match slice {
                Slice::Top(count) => board.from_rank(1, count),
                Slice::Around(user, count) => board.around(user, count),
            };
            places.into_iter().map(|(rank, user, score)| inner.entry(id, rank, user, &score)).collect()
        };
        bounds::fitting(self.read(id, now, entries).unwrap_or_default())
    }

    /// Where people stand; those who are not on the board are left out.
    pub(crate) fn ranks(&self, id: &BoardId, users: &[UserId], now: OffsetDateTime) -> Vec<UserRank> {
        let ranks = |Kept { board, .. }: &Kept, _: &Inner| {
            let participants = u32::try_from(board.len()).unwrap_or(u32::MAX);
            let rank =
                |user: &UserId| board.rank(*user).map(|(rank, score)| user_rank(*user, rank, &score, participants));
            users.iter().filter_map(rank).collect()
        };
        self.read(id, now, ranks).unwrap_or_default()
    }

    /// Whom somebody passes on the board that runs at `now` by coming to a standing from a score, at most `most`.
    pub(crate) fn passed(
        &self,
        standing: &Standing,
        old: Option<Score>,
        most: u32,
        now: OffsetDateTime,
    ) -> Vec<(u32, UserId)> {
        let Standing { total_score: total, exams_completed, reached_at, .. } = *standing;
        let score = Score { total, exams_completed, reached_at: reached_at.0 };
        let is_running = standing.period_start.0 == self.calendar.start(standing.board.period, now);
        let passed = |kept: &Kept, _: &Inner| kept.board.passed(standing.user_id, old, score, most);
        is_running.then(|| self.read(&standing.board, now, passed)).flatten().unwrap_or_default()
    }

    /// A number that is another one whenever the board is another one.
    pub(crate) fn revision(&self, id: &BoardId, now: OffsetDateTime) -> (OffsetDateTime, u64) {
        let revision = self.read(id, now, |kept, _| kept.revision).unwrap_or_default();
        (self.calendar.start(id.period, now), revision)
    }

    /// The boards of the periods that run at `now`.
    pub(crate) fn boards(&self, now: OffsetDateTime) -> Vec<BoardId> {
        let runs = |(id, start): &&(BoardId, OffsetDateTime)| *start == self.calendar.start(id.period, now);
        self.inner.read().boards.keys().filter(runs).map(|(id, _)| id.clone()).collect()
    }

    /// For comparison with the database.
    pub(crate) fn digest(&self, id: &BoardId, now: OffsetDateTime) -> Digest {
        self.read(id, now, |kept, _| kept.board.digest()).unwrap_or_default()
    }

    /// Puts a board as it was read in the place of the one in memory; gives how many entries were not the same.
    pub(crate) fn renew(&self, id: &BoardId, standings: &[Standing], people: Vec<Person>, now: OffsetDateTime) -> u64 {
        let read = Self::new(self.calendar.clone());
        read.apply(standings, Vec::new(), now);
        let key = (id.clone(), self.calendar.start(id.period, now));
        let board = read.inner.write().boards.remove(&key).map(|kept| kept.board).unwrap_or_default();
        let mut inner = self.inner.write();
        inner.show(people);
        inner.unreadable.remove(&key);
        inner.changes += 1;
        let revision = inner.changes;
        let old = inner.boards.insert(key, Kept { board, revision }).unwrap_or_default();
        let inner = RwLockWriteGuard::downgrade(inner);
        let new = inner.boards.get(&(id.clone(), self.calendar.start(id.period, now)));
        new.map(|new| new.board.differences(&old.board)).unwrap_or_default()
    }

    /// How many entries all boards have.
    pub(crate) fn len(&self) -> usize {
        self.inner.read().boards.values().map(|kept| kept.board.len()).sum()
    }
}

impl Inner {
    fn show(&mut self, people: Vec<Person>) {
        for Person { user_id, name, avatar, seen_at } in people.into_iter().map(bounds::person) {
            let is_known = |shown: &Shown| shown.seen_at >= seen_at.0 && !mutant!("board-old-name-comes-back");
            if !self.people.get(&user_id).is_some_and(is_known) {
                let shown = Shown { name: name.into(), avatar: avatar.map(Into::into), seen_at: seen_at.0 };
                self.people.insert(user_id, shown);
            }
        }
    }

    /// True if the board changed.
    fn set(&mut self, key: (BoardId, OffsetDateTime), user: UserId, score: Option<Score>, version: i64) -> bool {
        let kept = self.boards.entry(key).or_default();
        let has_changed = kept.board.set(user, score, version);
        if has_changed {
            self.changes += 1;
            kept.revision = self.changes;
        }
        has_changed
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

#[cfg(test)]
mod tests {
    use sinaesta_contracts::{Points, Timestamp};
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_older_name_that_is_heard_of_later_does_not_come_back() {
        let now = datetime!(2026-11-23 08:00 UTC);
        let index = Index::new(Calendar::new("Asia/Jakarta").unwrap());
        let (board, user_id) = (BoardId { period: Period::AllTime, specialty: None }, UserId(Uuid::from_u128(1)));
        let standing = Standing {
            board: board.clone(),
            period_start: Timestamp(index.calendar.start(board.period, now)),
            user_id,
            total_score: Points::ONE,
            exams_completed: 1,
            reached_at: Timestamp(now),
            version: 1,
        };
        for (name, days, shown) in
            [("Putri", 2, "Putri"), ("Putri Maharani", 1, "Putri Maharani"), ("Putri", 3, "Putri Maharani")]
        {
            let person =
                Person { user_id, name: name.into(), avatar: None, seen_at: Timestamp(now - Duration::days(days)) };
            index.apply(std::slice::from_ref(&standing), vec![person], now);
            assert_eq!(index.entries(&board, Slice::Top(1), now)[0].user_name, shown);
        }
    }
}
