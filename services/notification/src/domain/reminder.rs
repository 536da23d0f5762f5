//! When students are reminded of an exam.

use sinaesta_mutants::mutant;
use time::{Duration, OffsetDateTime};

/// How long before an exam: a day, an hour, five minutes; in minutes.
pub const LEADS: [i32; 3] = [24 * 60, 60, 5];

/// The reminders of an exam that starts at `starts_at`, as was decided at `now`: those whose moment is still to come.
pub fn due(starts_at: OffsetDateTime, now: OffsetDateTime) -> impl Iterator<Item = (i32, OffsetDateTime)> {
    LEADS.into_iter().map(move |lead| (lead, moment(starts_at, lead))).filter(move |(_, due)| *due > now)
}

/// When a reminder is due.
pub fn moment(starts_at: OffsetDateTime, lead_minutes: i32) -> OffsetDateTime {
    starts_at - Duration::minutes(i64::from(lead_minutes))
}

/// Whether a reminder that could not be sent in time still says something: not once a later one is due, or the exam
/// has begun.
pub fn is_worth_sending(starts_at: OffsetDateTime, lead_minutes: i32, now: OffsetDateTime) -> bool {
    mutant!("reminder-that-is-too-late-comes", return true);
    let later = LEADS.into_iter().filter(|lead| *lead < lead_minutes).max();
    now < later.map_or(starts_at, |lead| moment(starts_at, lead))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    #[test]
    fn only_what_is_still_to_come_is_reminded_of() {
        let leads = |now| due(START, now).map(|(lead, _)| lead).collect::<Vec<_>>();
        assert_eq!(leads(START - Duration::days(2)), [1_440, 60, 5]);
        assert_eq!(leads(START - Duration::hours(3)), [60, 5]);
        assert_eq!(leads(START - Duration::minutes(5)), [0; 0]);
    }

    #[test]
    fn a_late_reminder_gives_way_to_the_next() {
        assert!(is_worth_sending(START, 1_440, START - Duration::hours(2)));
        assert!(!is_worth_sending(START, 1_440, START - Duration::hours(1)));
        assert!(is_worth_sending(START, 5, START - Duration::seconds(1)));
        assert!(!is_worth_sending(START, 5, START));
    }
}
