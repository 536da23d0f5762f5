//! After the broker lost what it had: other services hear again of results, of exams to come, and of sessions that run.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::exam_authoring::ExamScheduled;
use sinaesta_contracts::retelling::{RetellExams, Retold};
use sinaesta_contracts::{ResultId, Timestamp};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::context::Context;
use crate::handlers::join_exam::begun_event;
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
        let open = sessions::open(&mut db).await?;
        for page in open.iter().collect::<Vec<_>>().chunks(PAGE as usize) {
            outcome.outbound.extend(begun_event(page)?);
        }
    }
    Ok(outcome)
}

/// The exams that students can take and whose moment is ahead.
async fn to_come(db: &mut PgConnection, at: OffsetDateTime) -> Result<Vec<Outbound>, Failure> {
    let ids = exams::to_come(db, at).await?;
    let mut exams: Vec<_> = exams::find(db, &ids).await?.into_values().collect();
    exams.sort_unstable_by_key(|exam| exam.info.id);
    let scheduled = exams.into_iter().filter_map(|exam| {
        Some(ExamScheduled {
            exam_id: exam.info.id,
            exam_title: exam.info.title,
            specialty: exam.info.specialty,
            scheduled_start: exam.info.scheduled_start?,
            // As it stands in the database, whatever was decided before.
            decided_at: Timestamp(at),
        })
    });
    let tell = |event: ExamScheduled| {
        let what = format!("{}.{}", event.exam_id, event.scheduled_start);
        Ok(Outbound::event(&event)?.identified_by(what))
    };
    scheduled.map(tell).collect()
}
