//! Lets students take an exam.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{ExamDetails, ExamStatus, PublishExam};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{check_staff, details, one_by_one, told, visible};
use crate::store::exams::{self, Hold};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = PublishExam;

    async fn handle(&self, batch: &[Received<PublishExam>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| async { told(publish(&self.0, one).await?, one.stamped_at) }).await
    }
}

/// Publishing what is published changes nothing, and is no error.
async fn publish(context: &Context, one: &Received<PublishExam>) -> Result<Result<ExamDetails, ErrorBody>, Failure> {
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
    if exam.info.total_questions == 0 {
        return Ok(Err(ErrorBody::new(code::EXAM_EMPTY, "An exam needs a question before it is published")));
    }
    exams::publish(&mut db, id).await?;
    exam.status = ExamStatus::Published;
    let published = details(&mut db, exam, true).await?;
    db.commit().await.map_err(StoreError::from)?;
    Ok(Ok(published))
}
