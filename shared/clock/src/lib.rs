//! The time of day, injected: the only place that asks the system for it.
//!
//! Several machines have several clocks, and a rule that two of them decide is decided twice. So the clock of a process
//! that is connected to the broker follows the broker's: [`Clock::follow`] says what the broker's clock showed at a
//! moment, and from then on [`Clock::now`] counts from there by the monotonic clock. The machine's own time of day is used
//! before that, and to tell how wrong it is ([`Clock::difference`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use time::OffsetDateTime;

/// Tells the time; clones share what they follow.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// The system's, wrong by `error`, and what it follows.
    System { error: time::Duration, followed: Arc<RwLock<Option<Reading>>> },
    /// One that a test sets.
    Manual(Arc<Mutex<OffsetDateTime>>),
}

/// What another clock showed at a moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    shown: OffsetDateTime,
    at: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::system_with_error(time::Duration::ZERO)
    }

    /// A system clock that is wrong by `error`, as that of a machine whose clock nobody sets: for tests.
    pub fn system_with_error(error: time::Duration) -> Self {
        Self(Source::System { error, followed: Arc::default() })
    }

    /// A clock that stands at `at` until it is moved. It follows nothing.
    pub fn manual(at: OffsetDateTime) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(at))))
    }

    /// The current time, UTC: the followed clock's where one is followed.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::Manual(at) => *at.lock(),
            Source::System { error, followed } => match *followed.read() {
                Some(reading) => reading.shown + reading.at.elapsed(),
                None => system_time(*error),
            },
        }
    }

    /// From now on this clock counts from `shown`, which the followed clock showed at `at`.
    pub fn follow(&self, shown: OffsetDateTime, at: Instant) {
        if let Source::System { followed, .. } = &self.0 {
            *followed.write() = Some(Reading { shown, at });
        }
    }

    /// How far the system's clock is ahead of the followed one; `None` while none is followed.
    pub fn difference(&self) -> Option<time::Duration> {
        match &self.0 {
            Source::System { error, followed } => {
                let reading = (*followed.read())?;
                Some(system_time(*error) - (reading.shown + reading.at.elapsed()))
            }
            Source::Manual(_) => None,
        }
    }

    /// Moves a manual clock on; the system's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(at) = &self.0 {
            *at.lock() += by;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_time(error: time::Duration) -> OffsetDateTime {
    OffsetDateTime::now_utc() + error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        clock.advance(Duration::from_secs(5));
        clock.follow(OffsetDateTime::UNIX_EPOCH, Instant::now());
        assert_eq!(clock.clone().now().unix_timestamp(), 5);
        assert_eq!(clock.difference(), None);
    }

    #[test]
    fn a_wrong_clock_that_follows_a_right_one_is_right_and_knows_how_wrong_it_was() {
        let (right, wrong) = (Clock::system(), Clock::system_with_error(time::Duration::seconds(90)));
        let close = |one: time::Duration, other: i64| (one.whole_milliseconds() - i128::from(other)).abs() < 500;
        assert!(close(wrong.now() - right.now(), 90_000));
        assert_eq!(wrong.difference(), None);
        wrong.follow(right.now(), Instant::now());
        assert!(close(wrong.clone().now() - right.now(), 0), "clones share what is followed");
        assert!(close(wrong.difference().unwrap(), 90_000));
    }
}
