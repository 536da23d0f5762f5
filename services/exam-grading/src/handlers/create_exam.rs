//! Makes a draft.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{CreateExam, ExamDetails};
use sinaesta_contracts::{ErrorBody, ExamId, Fault, code};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::deciding::all_new;
use crate::domain::question::all_checked;
use crate::handlers::{check_staff, details, not_found, one_by_one};
use crate::store::{exams, questions};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = CreateExam;

    async fn handle(&self, batch: &[Received<CreateExam>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| async { Ok(create(&self.0, one).await?.into()) }).await
    }
}

async fn create(context: &Context, one: &Received<CreateExam>) -> Result<Result<ExamDetails, ErrorBody>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Err(error));
    }
    let CreateExam(exam) = &one.command;
    let written = match all_checked(exam.questions.clone()) {
        Ok(written) => written,
        Err(faults) => return Ok(Err(faulty(faults).on_field("questions"))),
    };
    let id = ExamId(one.id);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    // What became of an exam since is not undone by its creation coming again.
    if exams::insert(&mut db, id, exam, one.actor.user_id, one.stamped_at).await? {
        all_new(questions::replace(&mut db, id, &written).await?, written.len(), "questions")?;
    }
    let made = exams::find(&mut db, &[id.0]).await?.remove(&id);
    let made = match made {
        Some(made) => Ok(details(&mut db, made, true).await?),
        None => Err(not_found()),
    };
    db.commit().await.map_err(StoreError::from)?;
    Ok(made)
}

/// Questions that are not as they must be.
pub(super) fn faulty(faults: Vec<Fault>) -> ErrorBody {
    let text = format!("{} of the questions can't be taken, so none was", faults.len());
    ErrorBody { faults, ..ErrorBody::new(code::EXAM_INVALID_QUESTIONS, text) }
}
