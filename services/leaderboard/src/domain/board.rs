//! One board: who stands where. Total score decides, then average score, then who got there first.

use std::cmp::Reverse;
use std::collections::HashMap;

use indexset::BTreeSet;
use sinaesta_contracts::{Points, UserId};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;

/// What somebody's rank is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    pub total: Points,
    /// More than 0.
    pub exams_completed: u32,
    /// When they got to this total.
    pub reached_at: OffsetDateTime,
}

impl Score {
    /// The average of the exams, with two decimals.
    pub const fn average(&self) -> Points {
        self.total.share(1, self.exams_completed as i64)
    }
}

/// In the order of ranks: with the same total, fewer exams make the better average. The id decides what nothing else
/// does, so that the order is the same everywhere.
type Place = (Reverse<i64>, u32, i128, UserId);

#[derive(Debug, Clone, Copy)]
struct Row {
    score: Score,
    version: i64,
}

impl Row {
    fn place(&self, user: UserId) -> Place {
        let Score { total, exams_completed, reached_at } = self.score;
        // The average of nothing is the same over however many exams.
        let exams =
            if total.hundredths() == 0 || mutant!("board-average-does-not-count") { 0 } else { exams_completed };
        (
            Reverse(total.hundredths()),
            exams,
            mutant!("board-ties-by-chance", 0, reached_at.unix_timestamp_nanos()),
            user,
        )
    }
}

/// What two copies of a board are compared by, without looking at each of their entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    pub entries: i64,
    pub newest_version: i64,
    pub sum_of_versions: i128,
    pub sum_of_totals: i128,
}

/// A board in memory.
#[derive(Default)]
pub struct Board {
    places: BTreeSet<Place>,
    rows: HashMap<UserId, Row>,
    digest: Digest,
}

impl Board {
    /// Notes how somebody stands (`None`: no longer on the board), unless something newer is known; true if it changed.
    pub fn set(&mut self, user: UserId, score: Option<Score>, version: i64) -> bool {
        let old = self.rows.get(&user).copied();
        if old.is_some_and(|old| old.version >= version && !mutant!("board-older-standing-counts")) {
            return false;
        }
        if let Some(old) = old {
            self.places.remove(&old.place(user));
            self.rows.remove(&user);
            self.count(&old, -1);
        }
        if let Some(score) = score {
            let row = Row { score, version };
            self.places.insert(row.place(user));
            self.rows.insert(user, row);
            self.count(&row, 1);
        }
        self.digest.newest_version = self.digest.newest_version.max(version);
        old.map(|old| old.score) != score
    }

    fn count(&mut self, row: &Row, by: i8) {
        self.digest.entries += i64::from(by);
        self.digest.sum_of_versions += i128::from(by) * i128::from(row.version);
        self.digest.sum_of_totals += i128::from(by) * i128::from(row.score.total.hundredths());
    }

    /// How many are on it.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// For comparison with another copy.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Somebody's rank, from 1, and what it is decided by.
    pub fn rank(&self, user: UserId) -> Option<(u32, Score)> {
        let row = self.rows.get(&user)?;
        let ahead = self.places.rank(&row.place(user));
        Some((u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1), row.score))
    }

    /// Those from the rank `first` on, at most `count`.
    pub fn from_rank(&self, first: u32, count: u32) -> Vec<(u32, UserId, Score)> {
        let end = first.saturating_add(count).min(u32::try_from(self.len()).unwrap_or(u32::MAX).saturating_add(1));
        let at = |rank: u32| {
            let (.., user) = self.places.get_index(rank as usize - 1)?;
            Some((rank, *user, self.rows.get(user)?.score))
        };
        (first.max(1)..end).filter_map(at).collect()
    }

    /// Whom somebody passes by coming from one score (`None`: they were not on the board) to another, the nearest behind
    /// them first, at most `most`; with their ranks then. Whether the board knows of it yet makes no difference.
    pub fn passed(&self, user: UserId, old: Option<Score>, new: Score, most: u32) -> Vec<(u32, UserId)> {
        let place = |score| Row { score, version: 0 }.place(user);
        let (to, from) = (place(new), old.map(place));
        let own = self.rows.get(&user).map(|row| row.place(user));
        // Whoever stands ahead of the new place stands ahead of those who are passed; so does the one who passes them.
        let ahead = self.places.rank(&to) - usize::from(own.is_some_and(|own| own < to));
        let behind = (self.places.rank(&to)..self.len()).filter_map(|index| self.places.get_index(index));
        let passed = behind
            .take_while(|place| from.is_none_or(|from| **place < from))
            .filter(|place| Some(**place) != own || mutant!("board-passed-counts-oneself"));
        let ranked = |(number, place): (usize, &Place)| Some((u32::try_from(ahead + number + 2).ok()?, place.3));
        passed.take(most as usize).enumerate().filter_map(ranked).collect()
    }

    /// Somebody and their neighbours, `count` in all where there are as many.
    pub fn around(&self, user: UserId, count: u32) -> Vec<(u32, UserId, Score)> {
        let Some((rank, _)) = self.rank(user) else { return Vec::new() };
        let last_start = u32::try_from(self.len()).unwrap_or(u32::MAX).saturating_sub(count).saturating_add(1);
        self.from_rank(rank.saturating_sub(count / 2).min(last_start).max(1), count)
    }

    /// How many entries are not as they are in another copy.
    pub fn differences(&self, old: &Self) -> u64 {
        let same = |user: &UserId, row: &Row| {
            old.rows.get(user).is_some_and(|was| was.version == row.version && was.score == row.score)
        };
        let changed = self.rows.iter().filter(|(user, row)| !same(user, row)).count();
        let gone = old.rows.keys().filter(|user| !self.rows.contains_key(user)).count();
        (changed + gone) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn score(total: i64, exams_completed: u32, minute: i64) -> Score {
        let reached_at = OffsetDateTime::UNIX_EPOCH + Duration::minutes(minute);
        Score { total: Points::from_hundredths(total), exams_completed, reached_at }
    }

    #[test]
    fn the_total_decides_then_the_average_then_who_was_first() {
        let mut board = Board::default();
        let standings =
            [(1, score(900, 9, 1)), (2, score(1_000, 2, 5)), (3, score(1_000, 1, 9)), (4, score(1_000, 2, 4))];
        for (number, score) in standings {
            assert!(board.set(user(number), Some(score), 1));
        }
        let order: Vec<_> = board.from_rank(1, 10).into_iter().map(|(rank, user, _)| (rank, user)).collect();
        assert_eq!(order, [(1, user(3)), (2, user(4)), (3, user(2)), (4, user(1))]);
        assert_eq!(board.rank(user(2)).unwrap().0, 3);
        assert_eq!(board.rank(user(9)), None);
        assert_eq!(score(1_000, 3, 0).average(), Points::from_hundredths(333));
    }

    #[test]
    fn those_who_are_passed_are_told_where_they_stand_then() {
        let mut board = Board::default();
        for number in 1..=5 {
            board.set(user(number), Some(score(1_000 - 100 * number as i64, 1, 1)), 1);
        }
        let old = |board: &Board, number| board.rank(user(number)).map(|(_, score)| score);
        let before = [1, 2, 5, 9].map(|number| (number, old(&board, number)));
        let before = |number| before.iter().find(|(of, _)| *of == number).and_then(|(_, score)| *score);
        let passed =
            |board: &Board, number, total, most| board.passed(user(number), before(number), score(total, 1, 2), most);
        for is_known in [false, true] {
            for (number, total, most, expected) in [
                (5, 750, 10, vec![(4, user(3)), (5, user(4))]),
                (5, 2_000, 2, vec![(2, user(1)), (3, user(2))]),
                (9, 650, 10, vec![(5, user(4)), (6, user(5))]),
                (1, 950, 10, vec![]),
                (2, 100, 10, vec![]),
            ] {
                let mut board = Board::default();
                for other in 1..=5 {
                    board.set(user(other), Some(score(1_000 - 100 * other as i64, 1, 1)), 1);
                }
                if is_known {
                    board.set(user(number), Some(score(total, 1, 2)), 2);
                }
                assert_eq!(passed(&board, number, total, most), expected, "{number} comes to {total}");
            }
        }
    }

    #[test]
    fn what_is_older_changes_nothing() {
        let mut board = Board::default();
        assert!(board.set(user(1), Some(score(200, 1, 1)), 5));
        assert!(!board.set(user(1), Some(score(100, 1, 1)), 4));
        assert!(!board.set(user(1), None, 5));
        assert!(!board.set(user(1), Some(score(200, 1, 1)), 6), "newer, but the same");
        assert!(board.set(user(1), None, 7));
        assert!(board.is_empty());
    }

    #[test]
    fn neighbours_are_as_many_as_asked_for_at_both_ends() {
        let mut board = Board::default();
        for number in 1..=10 {
            board.set(user(number), Some(score(1_000 - number as i64, 1, 1)), 1);
        }
        let ranks = |number, count| board.around(user(number), count).iter().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(ranks(5, 3), [4, 5, 6]);
        assert_eq!(ranks(1, 3), [1, 2, 3]);
        assert_eq!(ranks(10, 4), [7, 8, 9, 10]);
        assert_eq!(ranks(5, 100).len(), 10);
        assert!(ranks(11, 3).is_empty());
    }

    proptest! {
        #[test]
        fn ranks_are_those_of_a_plain_sort(
            changes in prop::collection::vec((0u128..40, prop::option::of((0i64..20, 1u32..4, 0i64..4)), 0i64..60), 0..300)
        ) {
            let mut board = Board::default();
            let mut plain: HashMap<UserId, (Score, i64)> = HashMap::new();
            for (number, wanted, version) in changes {
                let wanted = wanted.map(|(total, exams, minute)| score(total, exams, minute));
                board.set(user(number), wanted, version);
                if plain.get(&user(number)).is_none_or(|(_, known)| *known < version) {
                    match wanted {
                        Some(wanted) => drop(plain.insert(user(number), (wanted, version))),
                        None => drop(plain.remove(&user(number))),
                    }
                }
            }
            let exams = |score: &Score| if score.total == Points::ZERO { 0 } else { score.exams_completed };
            let mut sorted: Vec<_> = plain.iter().map(|(user, (score, _))| (*user, *score)).collect();
            sorted.sort_by(|(one, a), (other, b)| {
                b.total.cmp(&a.total)
                    .then_with(|| exams(a).cmp(&exams(b)))
                    .then_with(|| a.reached_at.cmp(&b.reached_at))
                    .then_with(|| one.cmp(other))
            });
            let listed: Vec<_> = board.from_rank(1, 1_000).into_iter().map(|(_, user, score)| (user, score)).collect();
            prop_assert_eq!(&listed, &sorted);
            for (at, (user, _)) in sorted.iter().enumerate() {
                prop_assert_eq!(board.rank(*user).unwrap().0 as usize, at + 1);
            }
            let digest = board.digest();
            prop_assert_eq!(digest.entries as usize, sorted.len());
            prop_assert_eq!(digest.sum_of_versions, plain.values().map(|(_, version)| i128::from(*version)).sum::<i128>());
        }
    }
}
