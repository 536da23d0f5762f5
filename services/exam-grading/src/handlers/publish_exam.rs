//! Lets students take an exam.

use serde_json::{Value, json};
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{ExamDetails, PublishExam};
use sinaesta_contracts::{ErrorBody, ExamId, code};
use sqlx::PgConnection;

use crate::context::Context;
use crate::handlers::authoring::{Author, author};
use crate::handlers::one_by_one;
use crate::store::exams::{self, ExamRow};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = PublishExam;

    async fn handle(&self, batch: &[Received<PublishExam>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| author(&self.0, one)).await
    }
}

impl Author for PublishExam {
    const KIND: &'static str = "publish";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    /// Publishing what is published changes nothing, and is no error.
    async fn apply(
        _: &Received<Self>,
        db: &mut PgConnection,
        exam: ExamRow,
    ) -> Result<Result<Value, ErrorBody>, Failure> {
        if exam.info.total_questions == 0 {
            return Ok(Err(ErrorBody::new(code::EXAM_EMPTY, "An exam needs a question before it is published")));
        }
        exams::publish(db, exam.info.id).await?;
        Ok(Ok(json!({})))
    }
}
