//! How much a board can hold, whatever was stored at a time at which less was checked.

use sinaesta_contracts::is_avatar;
use sinaesta_contracts::leaderboard::{LeaderboardEntry, Person};
use sinaesta_mutants::mutant;

/// The most characters of an avatar's address: a longer one is left out.
pub const AVATAR: usize = 2_000;
/// The most characters of a name that are shown.
pub const NAME: usize = 200;
/// The most characters of a specialty that has boards of its own: a longer one can't be asked for.
pub const SPECIALTY: usize = 100;
/// The most bytes that the entries of one board have, and what is told besides them.
pub const BOARD: usize = 256 * 1024;
const FRAME: usize = 4 * 1024;
/// About the most bytes of one event for other services.
pub const EVENT: usize = 512 * 1024;

fn is_longer(text: &str, characters: usize) -> bool {
    // What has no more bytes has no more characters: the common case needs no counting.
    text.len() > characters && text.chars().nth(characters).is_some()
}

/// A specialty's name, if it has boards of its own.
pub fn specialty(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty() && !is_longer(name, SPECIALTY))
}

/// Somebody as they are shown on boards.
pub fn person(mut one: Person) -> Person {
    if is_longer(&one.name, NAME) {
        one.name = one.name.chars().take(NAME).collect();
    }
    one.avatar = one.avatar.filter(|avatar| is_avatar(avatar));
    one
}

/// A board that is small enough: the last ones' avatars are left out first, and should that not do, the last ones.
pub fn fitting(mut entries: Vec<LeaderboardEntry>) -> Vec<LeaderboardEntry> {
    mutant!("board-is-not-cut", return entries);
    let mut sizes: Vec<usize> = entries.iter().map(bytes).collect();
    let mut sum: usize = sizes.iter().sum();
    for (entry, size) in entries.iter_mut().zip(&mut sizes).rev() {
        if sum + FRAME <= BOARD {
            return entries;
        }
        if entry.user_avatar.take().is_some() {
            let smaller = bytes(entry);
            sum -= size.saturating_sub(smaller);
            *size = smaller;
        }
    }
    let mut left = BOARD - FRAME;
    let fit = sizes.iter().position(|size| left.checked_sub(*size).map(|rest| left = rest).is_none());
    entries.truncate(fit.unwrap_or(entries.len()));
    entries
}

fn bytes(entry: &LeaderboardEntry) -> usize {
    // With the comma behind it. What can't be written is not told at all.
    serde_json::to_vec(entry).map_or(BOARD, |json| json.len() + 1)
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::leaderboard::Period;
    use sinaesta_contracts::{Points, Timestamp, UserId};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    fn entries(count: u32, name: &str, avatar: Option<String>) -> Vec<LeaderboardEntry> {
        let entry = |rank| LeaderboardEntry {
            user_id: UserId(Uuid::nil()),
            user_name: name.to_owned(),
            user_avatar: avatar.clone(),
            specialty: None,
            total_score: Points::ZERO,
            exams_completed: 1,
            average_score: Points::ZERO,
            rank,
            previous_rank: None,
            period: Period::Weekly,
        };
        (1..=count).map(entry).collect()
    }

    #[test]
    fn a_usual_board_stays_as_it_is() {
        let board = entries(100, "Putri Maharani", Some("x".repeat(2_000)));
        assert_eq!(fitting(board.clone()), board);
        assert_eq!(fitting(Vec::new()), []);
    }

    #[test]
    fn the_last_ones_lose_their_avatars_and_nobody_their_rank() {
        let board = fitting(entries(100, &"\u{1}".repeat(200), Some("\u{1F600}".repeat(2_000))));
        let with = board.iter().take_while(|one| one.user_avatar.is_some()).count();
        assert!(with > 5 && board.iter().skip(with).all(|one| one.user_avatar.is_none()), "{with}");
        assert_eq!(board.len(), 100);
        assert!(serde_json::to_vec(&board).unwrap().len() <= BOARD - FRAME);
    }

    #[test]
    fn what_can_not_be_made_smaller_is_cut() {
        let board = fitting(entries(100, &"x".repeat(50_000), None));
        assert_eq!(board.iter().map(|one| one.rank).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn people_are_shown_within_bounds() {
        let shown = |name: String, avatar: String| {
            let (user_id, seen_at) = (UserId(Uuid::nil()), Timestamp(OffsetDateTime::UNIX_EPOCH));
            person(Person { user_id, name, avatar: Some(avatar), seen_at })
        };
        let usual = shown("é".repeat(200), format!("/{}", "é".repeat(1_999)));
        assert_eq!((usual.name, usual.avatar), ("é".repeat(200), Some(format!("/{}", "é".repeat(1_999)))));
        let long = shown("é".repeat(201), format!("/{}", "é".repeat(2_000)));
        assert_eq!((long.name, long.avatar), ("é".repeat(200), None));
        assert_eq!((specialty("Bedah"), specialty(""), specialty(&"x".repeat(101))), (Some("Bedah"), None, None));
    }
}
