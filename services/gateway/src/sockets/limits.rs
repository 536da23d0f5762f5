//! How much may be sent.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// So many a minute, all of them at once if need be.
pub(crate) struct Limiter(DefaultDirectRateLimiter);

impl Limiter {
    pub(crate) fn per_minute(count: u32) -> Self {
        Self(RateLimiter::direct(Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))))
    }

    /// Takes one; an error says after how long there is another.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.0.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Takes some; where there are fewer it takes none, and says after how long there are so many.
    pub(crate) fn take_many(&self, count: u32) -> Result<(), Duration> {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        match self.0.check_n(count) {
            Ok(taken) => taken.map_err(|until| until.wait_time_from(DefaultClock::default().now())),
            // Never so many at once.
            Err(_) => Err(Duration::from_secs(60)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_then_a_time_to_wait() {
        let limiter = Limiter::per_minute(3);
        for _ in 0..3 {
            limiter.take().unwrap();
        }
        let wait = limiter.take().unwrap_err();
        assert!(wait <= Duration::from_secs(20) && !wait.is_zero(), "{wait:?}");
    }
}
