//! Makes an exam a synchronised one, or moves it.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{ExamDetails, Schedule, ScheduleExam};
use sinaesta_contracts::{ErrorBody, Timestamp, code};
use sinaesta_store::StoreError;
use time::Duration;

use crate::Context;
use crate::handlers::{check_staff, details, one_by_one, told, visible};
use crate::store::exams::{self, ExamRow, Hold};
use crate::store::sessions;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ScheduleExam;

    async fn handle(&self, batch: &[Received<ScheduleExam>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| async { told(schedule(&self.0, one).await?, one.stamped_at) }).await
    }
}

async fn schedule(context: &Context, one: &Received<ScheduleExam>) -> Result<Result<ExamDetails, ErrorBody>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Err(error));
    }
    let id = one.command.exam_id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    exams::hold(&mut db, &[id.0], Hold::Alone).await?;
    let mut exam = match visible(&mut db, id, &one.actor).await? {
        Ok(exam) => exam,
        Err(error) => return Ok(Err(error)),
    };
    let (start, end) = complete(&one.command.schedule, &exam);
    let has_this = exam.info.scheduled_start == Some(start) && exam.info.scheduled_end == Some(end);
    if !has_this {
        let begun = sessions::any_begun(&mut db, id, one.stamped_at).await?;
        if let Err(error) = check(start, end, one, begun) {
            return Ok(Err(error));
        }
        let schedule = Schedule { scheduled_start: start, scheduled_end: Some(end) };
        exams::schedule(&mut db, id, &schedule).await?;
        // Those who wait already wait for the new moment.
        let mut waiting = sessions::hold_open(&mut db, id, None).await?;
        for session in &mut waiting {
            (session.started_at, session.ends_at) = (start.0, end.0);
        }
        sessions::save_clocks(&mut db, &waiting).await?;
        (exam.info.scheduled_start, exam.info.scheduled_end) = (Some(start), Some(end));
    }
    let scheduled = details(&mut db, exam, true).await?;
    db.commit().await.map_err(StoreError::from)?;
    Ok(Ok(scheduled))
}

fn complete(schedule: &Schedule, exam: &ExamRow) -> (Timestamp, Timestamp) {
    let start = schedule.scheduled_start;
    let duration = Duration::minutes(i64::from(exam.info.duration_minutes));
    (start, schedule.scheduled_end.unwrap_or(Timestamp(start.0 + duration)))
}

fn check(start: Timestamp, end: Timestamp, one: &Received<ScheduleExam>, begun: bool) -> Result<(), ErrorBody> {
    let refuse = |text, field| Err(ErrorBody::new(code::EXAM_INVALID_SCHEDULE, text).on_field(field));
    if begun {
        return refuse("Somebody has begun this exam: it can't be moved", "scheduledStart");
    }
    if start.0 <= one.stamped_at {
        return refuse("scheduledStart must be in the future", "scheduledStart");
    }
    if end <= start {
        return refuse("scheduledEnd must be after scheduledStart", "scheduledEnd");
    }
    Ok(())
}
