//! After the broker lost what it had: other services hear again of results, of exams to come, and of sessions that run.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::exam_authoring::ExamScheduled;
use sinaesta_contracts::exam_grading::SessionsBegun;
use sinaesta_contracts::retelling::{RetellExams, Retold};
use sinaesta_contracts::{ResultId, Timestamp};
use sinaesta_store::StoreError;
use time::OffsetDateTime;

use crate::Context;
use crate::handlers::join_exam::as_begun;
use crate::store::{exams, results, sessions};
use crate::submission::{self, IsCorrection, distinct};

/// How many results one page has, and how many sessions one event.
const PAGE: i64 = 500;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RetellExams;

    async fn handle(&self, batch: &[Received<RetellExams>]) -> Result<Vec<Outcome<Retold<ResultId>>>, Failure> {
        one_by_one(batch, |one| retell(&self.0, one)).await
    }
}

async fn retell(context: &Context, one: &Received<RetellExams>) -> Result<Outcome<Retold<ResultId>>, Failure> {
    let RetellExams { since, after } = one.command;
    let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
    let page = results::graded_since(&mut db, since.0, after, PAGE).await?;
    let exam_ids = distinct(page.iter().map(|graded| graded.result.exam_id));
    let exams = exams::find(&mut db, &exam_ids).await?;
    let next = page.last().filter(|_| page.len() as i64 == PAGE).map(|last| last.result.id);
    let mut outcome = Outcome::done(Retold { count: page.len(), next });
    for graded in &page {
        if let Some(exam) = exams.get(&graded.result.exam_id) {
            // Whoever heard of the first result has it; whoever did not hears of it as it is now.
            outcome.outbound.push(submission::event(exam, graded, IsCorrection(false))?);
        }
    }
    if after.is_none() {
        outcome.outbound.extend(to_come(&mut db, one.stamped_at).await?);
        let open: Vec<_> = sessions::open(&mut db).await?.iter().map(as_begun).collect();
        for sessions in open.chunks(PAGE as usize) {
            outcome.outbound.push(Outbound::event(&SessionsBegun { sessions: sessions.to_vec() })?);
        }
    }
    Ok(outcome)
}

/// The exams that students can take and whose moment is ahead.
async fn to_come(db: &mut sqlx::PgConnection, now: OffsetDateTime) -> Result<Vec<Outbound>, Failure> {
    let ids = exams::to_come(db, now).await?;
    let exams = exams::find(db, &ids).await?;
    let scheduled = exams.into_values().filter_map(|exam| {
        Some(ExamScheduled {
            exam_id: exam.info.id,
            exam_title: exam.info.title,
            specialty: exam.info.specialty,
            scheduled_start: exam.info.scheduled_start?,
            // As it stands in the database now, whatever was decided before.
            decided_at: Timestamp(now),
        })
    });
    scheduled.map(|event| Outbound::event(&event)).collect()
}
