//! Makes an exam a synchronised one, or moves it.

use serde_json::{Value, json};
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{ExamDetails, Schedule, ScheduleExam};
use sinaesta_contracts::{ErrorBody, ExamId, Timestamp, code};
use sinaesta_mutants::mutant;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::context::Context;
use crate::handlers::authoring::{Author, author};
use crate::handlers::one_by_one;
use crate::store::exams::{self, ExamRow};
use crate::store::sessions;

/// How far ahead an exam may end.
const AHEAD: Duration = Duration::days(3_653);

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ScheduleExam;

    async fn handle(&self, batch: &[Received<ScheduleExam>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| author(&self.0, one)).await
    }
}

impl Author for ScheduleExam {
    const KIND: &'static str = "schedule";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    async fn apply(
        one: &Received<Self>,
        db: &mut PgConnection,
        exam: ExamRow,
    ) -> Result<Result<Value, ErrorBody>, Failure> {
        let id = exam.info.id;
        let (start, end) = complete(&one.command.schedule, &exam);
        let noted = json!({ "scheduledStart": start, "scheduledEnd": end });
        if exam.info.scheduled_start == Some(start) && exam.info.scheduled_end == Some(end) {
            return Ok(Ok(noted));
        }
        let begun = sessions::any_begun(db, id, one.stamped_at).await?;
        if let Err(error) = check(start, end, one.stamped_at, begun) {
            return Ok(Err(error));
        }
        exams::schedule(db, id, &Schedule { scheduled_start: start, scheduled_end: Some(end) }).await?;
        // Those who wait already wait for the new moment.
        let mut waiting = sessions::hold_open(db, id, None).await?;
        mutant!("exam-waiting-keep-the-old-moment", waiting.clear());
        for session in &mut waiting {
            (session.started_at, session.ends_at) = (start.0, end.0);
        }
        sessions::save_times(db, &waiting).await?;
        Ok(Ok(noted))
    }
}

fn complete(schedule: &Schedule, exam: &ExamRow) -> (Timestamp, Timestamp) {
    let start = schedule.scheduled_start;
    let duration = Duration::minutes(i64::from(exam.info.duration_minutes));
    (start, schedule.scheduled_end.unwrap_or(Timestamp(start.0.saturating_add(duration))))
}

fn check(start: Timestamp, end: Timestamp, stamped_at: OffsetDateTime, begun: bool) -> Result<(), ErrorBody> {
    let refuse = |text, field| Err(ErrorBody::new(code::EXAM_INVALID_SCHEDULE, text).on_field(field));
    if begun && !mutant!("exam-moved-though-begun") {
        return refuse("Somebody has begun this exam: it can't be moved", "scheduledStart");
    }
    if start.0 <= stamped_at {
        return refuse("scheduledStart must be in the future", "scheduledStart");
    }
    if end <= start {
        return refuse("scheduledEnd must be after scheduledStart", "scheduledEnd");
    }
    // Far from where the calendars of those who read it end.
    if end.0 > stamped_at.saturating_add(AHEAD) {
        return refuse("scheduledEnd must be within the next ten years", "scheduledEnd");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_exam_takes_place_in_the_next_ten_years() {
        let now = datetime!(2026-11-23 08:00 UTC);
        let refused = |start: Duration, end: Duration| {
            check(Timestamp(now + start), Timestamp(now + end), now, false).err().and_then(|error| error.field)
        };
        let (hour, day) = (Duration::HOUR, Duration::DAY);
        assert_eq!(refused(hour, 2 * hour), None);
        assert_eq!(refused(Duration::ZERO, hour).as_deref(), Some("scheduledStart"));
        assert_eq!(refused(hour, hour).as_deref(), Some("scheduledEnd"));
        assert_eq!(refused(hour, 3_652 * day), None);
        assert_eq!(refused(hour, 3_654 * day).as_deref(), Some("scheduledEnd"));
        let never = Timestamp(datetime!(9999-12-31 23:59:59 UTC));
        assert!(check(never, never, now, false).is_err());
    }
}
