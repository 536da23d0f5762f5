//! Gives a draft its questions: all of them, or none if any is faulty.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{ExamDetails, NewQuestion, QuestionSource, ReplaceQuestions};
use sinaesta_contracts::{ErrorBody, Fault, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::domain::import::{csv, gift};
use crate::domain::question::all_checked;
use crate::handlers::create_exam::faulty;
use crate::handlers::{check_staff, details, one_by_one, visible};
use crate::store::exams::{self, Hold};
use crate::store::questions;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReplaceQuestions;

    async fn handle(&self, batch: &[Received<ReplaceQuestions>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| async { Ok(replace(&self.0, one).await?.into()) }).await
    }
}

async fn replace(
    context: &Context,
    one: &Received<ReplaceQuestions>,
) -> Result<Result<ExamDetails, ErrorBody>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Err(error));
    }
    let written = match read(&one.command.source) {
        Ok(written) => written,
        Err(faults) => return Ok(Err(faulty(faults))),
    };
    let id = one.command.exam_id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    exams::hold(&mut db, &[id.0], Hold::Alone).await?;
    match visible(&mut db, id, &one.actor).await? {
        Ok(exam) if exam.is_published() => {
            let text = "The questions of a published exam stand; a wrong key is corrected by regrading";
            return Ok(Err(ErrorBody::new(code::EXAM_NOT_A_DRAFT, text)));
        }
        Ok(_) => questions::replace(&mut db, id, &written).await?,
        Err(error) => return Ok(Err(error)),
    }
    let changed = match visible(&mut db, id, &one.actor).await? {
        Ok(exam) => Ok(details(&mut db, exam, true).await?),
        Err(error) => Err(error),
    };
    db.commit().await.map_err(StoreError::from)?;
    Ok(changed)
}

fn read(source: &QuestionSource) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    match source {
        QuestionSource::Json(questions) => all_checked(questions.clone()),
        QuestionSource::Csv(text) => csv::parse(text),
        QuestionSource::Gift(text) => gift::parse(text),
    }
}
