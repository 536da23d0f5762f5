//! A synchronised exam begins: everyone who waits for it gets its questions.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{Exam, ExamStarted, StartExam};
use sinaesta_contracts::{Audience, Timestamp};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::one_by_one;
use crate::store::exams::{self, Hold};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = StartExam;

    async fn handle(&self, batch: &[Received<StartExam>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| start(&self.0, one)).await
    }
}

async fn start(context: &Context, one: &Received<StartExam>) -> Result<Outcome<()>, Failure> {
    let id = one.command.exam_id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    exams::hold(&mut db, &[id.0], Hold::Alone).await?;
    let exam = exams::find(&mut db, &[id.0]).await?.remove(&id);
    let paper = context.papers.load(&mut db, std::iter::once(id)).await?.remove(&id);
    let (Some(exam), Some(paper)) = (exam, paper) else { return Ok(Outcome::done(())) };
    let (Some(begins), Some(ends_at)) = (exam.info.scheduled_start, exam.info.scheduled_end) else {
        return Ok(Outcome::done(()));
    };
    // Moved meanwhile, noticed too early, or announced already by another command.
    if one.stamped_at < begins.0 || exam.started_by.is_some_and(|by| by != one.id && !mutant!("exam-begins-twice")) {
        return Ok(Outcome::done(()));
    }
    exams::start(&mut db, id, one.id, one.stamped_at).await?;
    db.commit().await.map_err(StoreError::from)?;
    let exam = Exam { info: exam.info, questions: paper.to_vec() };
    let event = ExamStarted { exam_id: id, exam, ends_at, server_time: Timestamp(one.stamped_at) };
    Ok(Outcome::done(()).and(Outbound::deliver(Audience::Exam(id), &event)?))
}
