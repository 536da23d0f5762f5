//! What a timer notices again and again waits, longer each time: so whatever comes behind it is noticed, too.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How soon something is noticed again at first; each time twice as long, up to `SHORT` for the first two minutes, in which
/// the broker may find it too early or have a queue before it; from then on `LONG`.
const FIRST: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(60);
/// Something that was noticed so often is stuck.
const STUCK: u32 = 25;
/// Whatever is not noticed again for so long is done.
const FORGOTTEN: Duration = Duration::from_secs(180);

/// What was noticed and is waiting.
#[derive(Debug)]
pub(crate) struct Patience<K>(HashMap<K, Waiting>);

#[derive(Debug)]
struct Waiting {
    times: u32,
    until: Instant,
}

impl<K> Default for Patience<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Patience<K> {
    /// What is to be passed over now.
    pub(crate) fn waiting(&mut self, now: Instant) -> Vec<K> {
        self.0.retain(|_, one| one.until + FORGOTTEN > now);
        self.0.iter().filter(|(_, one)| one.until > now).map(|(what, _)| what.clone()).collect()
    }

    /// Notes that something was noticed; true once, when it has been so often that it is stuck.
    pub(crate) fn note(&mut self, what: K, now: Instant) -> bool {
        let one = self.0.entry(what).or_insert(Waiting { times: 0, until: now });
        one.times += 1;
        let pause = if one.times < STUCK { (FIRST * (1 << (one.times - 1).min(8))).min(SHORT) } else { LONG };
        one.until = now + pause;
        one.times == STUCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_waits_longer_and_is_found_stuck_once() {
        let mut patience = Patience::default();
        let (mut noticed, mut stuck, began) = (Vec::new(), 0, Instant::now());
        for second in 0..600 {
            let now = began + Duration::from_secs(second);
            if patience.waiting(now).is_empty() {
                noticed.push(second);
                stuck += u32::from(patience.note("head", now));
            }
        }
        assert_eq!(noticed[..7], [0, 1, 3, 7, 12, 17, 22]);
        // A minute and a half too early costs five seconds.
        assert!(noticed.windows(2).all(|two| two[1] - two[0] <= 5 || two[0] > 100), "{noticed:?}");
        assert_eq!((stuck, noticed.len() < 40), (1, true), "{noticed:?}");
        assert!(patience.waiting(began + Duration::from_secs(600) + FORGOTTEN + LONG).is_empty());
        assert!(patience.0.is_empty());
    }
}
