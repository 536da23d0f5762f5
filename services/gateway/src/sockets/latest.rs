//! Of what only the latest counts, no more than that is kept.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// One thing is under way for each key; of those that come meanwhile the last one follows it.
pub(crate) struct Latest<K, V>(Mutex<HashMap<K, Option<V>>>);

/// What becomes of something that is put in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Put<V> {
    /// Nothing is under way: it is to begin.
    Begins(V),
    /// It follows what is under way, in place of this one.
    Replaces(Option<V>),
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Latest<K, V> {
    /// The latest one for a key.
    pub(crate) fn put(&self, key: K, value: V) -> Put<V> {
        let mut all = self.0.lock();
        match all.get_mut(&key) {
            Some(next) => Put::Replaces(next.replace(value)),
            None => {
                all.insert(key, None);
                Put::Begins(value)
            }
        }
    }

    /// What was under way has ended: what follows it; without anything the key is free.
    pub(crate) fn next(&self, key: &K) -> Option<V> {
        let mut all = self.0.lock();
        let next = all.get_mut(key).and_then(Option::take);
        if next.is_none() {
            all.remove(key);
        }
        next
    }

    /// Takes out what would follow, if it is of this kind.
    pub(crate) fn take_if(&self, key: &K, is_meant: impl FnOnce(&V) -> bool) -> Option<V> {
        self.0.lock().get_mut(key)?.take_if(|value| is_meant(value))
    }
}

/// Lets one through in each `every`; of those that come sooner the last one, when it is time.
pub(crate) struct Paced<V> {
    every: Duration,
    state: Mutex<PacedState<V>>,
}

struct PacedState<V> {
    free_at: Option<Instant>,
    waiting: Option<V>,
}

/// What becomes of something that is paced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pace<V> {
    /// It is its time.
    Now(V),
    /// It waits; somebody calls [`Paced::due`] then.
    At(Instant),
    /// It waits in place of this one.
    Replaces(V),
}

impl<V> Paced<V> {
    pub(crate) const fn new(every: Duration) -> Self {
        Self { every, state: Mutex::new(PacedState { free_at: None, waiting: None }) }
    }

    pub(crate) fn put(&self, now: Instant, value: V) -> Pace<V> {
        let mut state = self.state.lock();
        if let Some(before) = state.waiting.take() {
            state.waiting = Some(value);
            return Pace::Replaces(before);
        }
        match state.free_at {
            Some(at) if at > now => {
                state.waiting = Some(value);
                Pace::At(at)
            }
            _ => {
                state.free_at = Some(now + self.every);
                Pace::Now(value)
            }
        }
    }

    /// What waited until now.
    pub(crate) fn due(&self, now: Instant) -> Option<V> {
        let mut state = self.state.lock();
        let waited = state.waiting.take()?;
        state.free_at = Some(now + self.every);
        Some(waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_one_is_under_way_only_the_last_is_kept() {
        let latest = Latest::default();
        assert_eq!(latest.put("room", 1), Put::Begins(1));
        assert_eq!(latest.put("room", 2), Put::Replaces(None));
        assert_eq!(latest.put("room", 3), Put::Replaces(Some(2)));
        assert_eq!(latest.put("other", 4), Put::Begins(4));
        assert_eq!(latest.next(&"room"), Some(3));
        assert_eq!(latest.put("room", 5), Put::Replaces(None));
        assert_eq!(latest.take_if(&"room", |value| *value == 6), None);
        assert_eq!(latest.take_if(&"room", |value| *value == 5), Some(5));
        assert_eq!(latest.next(&"room"), None);
        assert_eq!(latest.put("room", 6), Put::Begins(6));
    }

    #[test]
    fn the_last_of_those_that_come_too_soon_goes_through_when_it_is_time() {
        let (paced, began) = (Paced::new(Duration::from_secs(1)), Instant::now());
        let after = |ms| began + Duration::from_millis(ms);
        assert_eq!(paced.put(began, 1), Pace::Now(1));
        assert_eq!(paced.put(after(10), 2), Pace::At(after(1_000)));
        assert_eq!(paced.put(after(20), 3), Pace::Replaces(2));
        assert_eq!(paced.due(after(1_000)), Some(3));
        assert_eq!(paced.due(after(1_000)), None);
        assert_eq!(paced.put(after(1_500), 4), Pace::At(after(2_000)));
        assert_eq!(paced.due(after(2_000)), Some(4));
        assert_eq!(paced.put(after(3_000), 5), Pace::Now(5));
    }
}
