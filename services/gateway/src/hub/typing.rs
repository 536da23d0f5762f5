//! Who is typing in a room, and when that lapses.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sinaesta_contracts::UserId;
use sinaesta_contracts::chat::{TYPING_LAPSE_MS, TypingIndicator, TypingUser};
use sinaesta_mutants::mutant;

/// Users who are typing: each until they stop, or until nothing was received of it for [`TYPING_LAPSE_MS`].
#[derive(Debug, Default)]
pub(super) struct Typing(HashMap<UserId, (String, Instant)>);

impl Typing {
    /// A signal arrived that a user began, goes on or stopped.
    pub(super) fn record(&mut self, typing: TypingIndicator, now: Instant) {
        if typing.is_typing {
            self.0.insert(typing.user_id, (typing.user_name, now + lapse()));
        } else {
            self.0.remove(&typing.user_id);
        }
    }

    /// The users of a snapshot: one of whom no signal arrived here lapses as if it had just begun.
    pub(super) fn record_snapshot(&mut self, typing: Vec<TypingUser>, now: Instant) {
        for TypingUser { user_id, user_name } in typing {
            self.0.entry(user_id).or_insert_with(|| (user_name, now + lapse()));
        }
    }

    pub(super) fn remove(&mut self, user: UserId) {
        self.0.remove(&user);
    }

    /// When the first of them lapses.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().map(|(_, until)| *until).min()
    }

    /// Removes those that have lapsed, with their names.
    pub(super) fn lapsed(&mut self, now: Instant) -> Vec<(UserId, String)> {
        mutant!("room-typing-does-not-lapse", self.0.clear());
        let lapsed = self.0.extract_if(|_, (_, until)| *until <= now);
        lapsed.map(|(user, (name, _))| (user, name)).collect()
    }
}

const fn lapse() -> Duration {
    Duration::from_millis(TYPING_LAPSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(uuid::Uuid::from_u128(1));

    fn signal(is_typing: bool) -> TypingIndicator {
        let room_id = "room-1".parse().unwrap();
        TypingIndicator { room_id, user_id: ANN, user_name: "Ann".to_owned(), is_typing }
    }

    fn snapshot() -> Vec<TypingUser> {
        vec![TypingUser { user_id: ANN, user_name: "Ann".to_owned() }]
    }

    #[test]
    fn typing_lapses_when_no_signal_comes_for_six_seconds() {
        let (mut typing, began) = (Typing::default(), Instant::now());
        typing.record(signal(true), began);
        let renewed = began + lapse() / 2;
        typing.record(signal(true), renewed);
        assert_eq!(typing.due(), Some(renewed + lapse()));
        assert_eq!(typing.lapsed(began + lapse()), []);
        assert_eq!(typing.lapsed(renewed + lapse()), [(ANN, "Ann".to_owned())]);
        assert_eq!((typing.lapsed(renewed + lapse()), typing.due()), (vec![], None));
    }

    #[test]
    fn a_user_who_has_stopped_does_not_lapse() {
        let (mut typing, began) = (Typing::default(), Instant::now());
        typing.record(signal(true), began);
        typing.record(signal(false), began);
        assert_eq!((typing.due(), typing.lapsed(began + lapse())), (None, vec![]));
    }

    #[test]
    fn typing_in_a_snapshot_lapses_too_and_a_snapshot_renews_nothing() {
        let (mut typing, began) = (Typing::default(), Instant::now());
        typing.record_snapshot(snapshot(), began);
        typing.record_snapshot(snapshot(), began + lapse() / 2);
        assert_eq!(typing.lapsed(began + lapse()), [(ANN, "Ann".to_owned())]);
    }
}
