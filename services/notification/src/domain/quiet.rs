//! When nothing makes a sound.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sinaesta_contracts::notification::{NotificationType, Preferences, Priority, QuietHours};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;

/// Refuses hours in a time zone that there is not.
pub fn check(preferences: &Preferences) -> Result<(), ErrorBody> {
    for kind in NotificationType::ALL {
        let zone = preferences.of(kind).and_then(|preference| preference.quiet_hours.as_ref());
        let zone = zone.map(|hours| hours.time_zone.as_str());
        if zone.is_some_and(|name| TimeZone::get(name).is_err()) {
            let field = format!("preferences.{}.quietHours.timeZone", kind.as_str());
            let text = format!("{field} must be the name of a time zone, as Asia/Jakarta");
            return Err(ErrorBody::new(code::INVALID_PAYLOAD, text).on_field(field));
        }
    }
    Ok(())
}

/// Whether something that is told at a moment comes without a sound.
pub fn is_silent(preferences: &Preferences, kind: NotificationType, priority: Priority, at: OffsetDateTime) -> bool {
    let hours = preferences.of(kind).and_then(|preference| preference.quiet_hours.as_ref());
    (priority != Priority::Urgent || mutant!("quiet-hours-for-what-is-urgent"))
        && hours.is_some_and(|hours| is_within(hours, at))
}

fn is_within(hours: &QuietHours, at: OffsetDateTime) -> bool {
    let Ok(at) = Timestamp::from_second(at.unix_timestamp()) else { return false };
    // A zone that is no longer known keeps nothing quiet.
    let Ok(zone) = TimeZone::get(hours.time_zone.as_str()) else { return false };
    let time = at.to_zoned(mutant!("quiet-hours-of-utc", TimeZone::UTC, zone)).time();
    let minute = time.hour() as u16 * 60 + time.minute() as u16;
    let (from, until) = (hours.from.minutes(), hours.until.minutes());
    // From a time until the same time is the whole day.
    if from < until {
        (from..until).contains(&minute)
    } else {
        minute >= from || (minute < until && !mutant!("quiet-hours-end-at-midnight"))
    }
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::notification::TypePreference;
    use time::macros::datetime;

    use super::*;

    fn hours(from: &str, until: &str, zone: &str) -> QuietHours {
        let time = |text: &str| text.to_owned().try_into().unwrap();
        QuietHours { from: time(from), until: time(until), time_zone: zone.to_owned().try_into().unwrap() }
    }

    #[test]
    fn a_night_goes_over_midnight_in_its_own_time_zone() {
        let night = hours("22:00", "06:00", "Asia/Jakarta");
        // Jakarta is seven hours ahead.
        assert!(is_within(&night, datetime!(2026-11-23 15:00 UTC)));
        assert!(is_within(&night, datetime!(2026-11-23 22:59 UTC)));
        assert!(!is_within(&night, datetime!(2026-11-23 23:00 UTC)));
        assert!(!is_within(&night, datetime!(2026-11-23 14:59 UTC)));
        let noon = hours("12:00", "13:00", "UTC");
        assert!(
            is_within(&noon, datetime!(2026-11-23 12:00 UTC)) && !is_within(&noon, datetime!(2026-11-23 13:00 UTC))
        );
    }

    #[test]
    fn what_is_urgent_and_other_types_are_heard() {
        let quiet = TypePreference { enabled: true, quiet_hours: Some(hours("00:00", "23:59", "UTC")) };
        let preferences = Preferences { message: Some(quiet), ..Preferences::default() };
        let now = datetime!(2026-11-23 12:00 UTC);
        let silent = |kind, priority| is_silent(&preferences, kind, priority, now);
        assert!(silent(NotificationType::Message, Priority::High));
        assert!(!silent(NotificationType::Message, Priority::Urgent));
        assert!(!silent(NotificationType::System, Priority::Low));
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named() {
        let wrong = TypePreference { enabled: true, quiet_hours: Some(hours("22:00", "06:00", "Asia/Jakarat")) };
        let preferences = Preferences { exam_update: Some(wrong), ..Preferences::default() };
        let error = check(&preferences).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("preferences.EXAM_UPDATE.quietHours.timeZone"));
    }
}
