//! When periods begin and end: at midnight of the configured time zone, on Mondays and on the first of a month.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use sinaesta_contracts::leaderboard::Period;
use sinaesta_mutants::mutant;
use time::OffsetDateTime;

/// The beginning of all time.
pub const EPOCH: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// Its end: the last year that timestamps are written for.
const END: OffsetDateTime = time::macros::datetime!(9999-12-31 00:00 UTC);

/// The calendar of one time zone.
#[derive(Debug, Clone)]
pub struct Calendar(TimeZone);

/// From when until when, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub start: OffsetDateTime,
    pub end: OffsetDateTime,
}

impl Calendar {
    /// The calendar of a time zone by its IANA name.
    pub fn new(time_zone: &str) -> Result<Self, String> {
        TimeZone::get(time_zone).map(Self).map_err(|error| error.to_string())
    }

    /// The period in which a moment lies. Every moment lies in exactly one of each kind.
    pub fn bounds(&self, period: Period, at: OffsetDateTime) -> Bounds {
        let all = Bounds { start: EPOCH, end: END };
        match period {
            Period::AllTime => all,
            // A moment that no calendar knows lies in all time only.
            Period::Weekly | Period::Monthly => self.local(period, at).unwrap_or(all),
        }
    }

    /// When the period began in which a moment lies.
    pub fn start(&self, period: Period, at: OffsetDateTime) -> OffsetDateTime {
        self.bounds(period, at).start
    }

    fn local(&self, period: Period, at: OffsetDateTime) -> Option<Bounds> {
        let today = Timestamp::from_second(at.unix_timestamp())
            .ok()?
            .to_zoned(mutant!("board-weeks-of-utc", TimeZone::UTC, self.0.clone()))
            .date();
        let (first, next) = match period {
            Period::Monthly => (today.first_of_month(), today.last_of_month().tomorrow().ok()?),
            _ => {
                let monday = today.tomorrow().ok()?.nth_weekday(-1, Weekday::Monday).ok()?;
                (monday, today.nth_weekday(1, Weekday::Monday).ok()?)
            }
        };
        Some(Bounds { start: self.midnight(first)?, end: self.midnight(next)? })
    }

    /// The first moment of a day: where midnight is left out in spring, the one after that.
    fn midnight(&self, day: Date) -> Option<OffsetDateTime> {
        let zoned = day.to_zoned(self.0.clone()).ok()?;
        OffsetDateTime::from_unix_timestamp(zoned.timestamp().as_second()).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first_by_local_time() {
        let jakarta = Calendar::new("Asia/Jakarta").unwrap();
        // Monday 23 November 2026, 00:30 in Jakarta; in Greenwich it is Sunday still.
        let at = datetime!(2026-11-22 17:30 UTC);
        assert_eq!(jakarta.start(Period::Weekly, at), datetime!(2026-11-22 17:00 UTC));
        assert_eq!(jakarta.start(Period::Weekly, at - time::Duration::hours(1)), datetime!(2026-11-15 17:00 UTC));
        assert_eq!(jakarta.start(Period::Monthly, datetime!(2026-11-30 17:00 UTC)), datetime!(2026-11-30 17:00 UTC));
        assert_eq!(jakarta.start(Period::AllTime, at), EPOCH);
        let utc = Calendar::new("UTC").unwrap();
        assert_eq!(utc.start(Period::Weekly, at), datetime!(2026-11-16 00:00 UTC));
        assert!(Calendar::new("Asia/Atlantis").is_err());
    }

    proptest! {
        /// No result in two weeks, or in none: periods follow each other without a gap, whatever is done in summer.
        #[test]
        fn every_moment_lies_in_exactly_one_period(
            seconds in 0i64..4_000_000_000,
            zone in prop::sample::select(vec!["Asia/Jakarta", "UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu"]),
        ) {
            let calendar = Calendar::new(zone).unwrap();
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            for period in [Period::Weekly, Period::Monthly] {
                let bounds = calendar.bounds(period, at);
                prop_assert!(bounds.start <= at && at < bounds.end);
                prop_assert_eq!(calendar.bounds(period, bounds.start), bounds);
                let last = bounds.end - time::Duration::seconds(1);
                prop_assert_eq!(calendar.bounds(period, last), bounds);
                prop_assert_eq!(calendar.start(period, bounds.end), bounds.end);
            }
        }
    }
}
