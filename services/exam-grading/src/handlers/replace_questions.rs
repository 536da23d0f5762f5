//! Gives a draft its questions: all of them, or none if any is faulty.

use serde_json::{Value, json};
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{ExamDetails, NewQuestion, QuestionSource, ReplaceQuestions};
use sinaesta_contracts::{ErrorBody, ExamId, Fault, code};
use sqlx::PgConnection;

use crate::context::Context;
use crate::deciding::all_new;
use crate::domain::import::{csv, gift};
use crate::domain::question::all_checked;
use crate::handlers::authoring::{Author, author};
use crate::handlers::create_exam::faulty;
use crate::handlers::one_by_one;
use crate::store::exams::ExamRow;
use crate::store::questions;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReplaceQuestions;

    async fn handle(&self, batch: &[Received<ReplaceQuestions>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| author(&self.0, one)).await
    }
}

impl Author for ReplaceQuestions {
    const KIND: &'static str = "replace";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    async fn apply(
        one: &Received<Self>,
        db: &mut PgConnection,
        exam: ExamRow,
    ) -> Result<Result<Value, ErrorBody>, Failure> {
        if exam.is_published() {
            let text = "The questions of a published exam stand; a wrong key is corrected by regrading";
            return Ok(Err(ErrorBody::new(code::EXAM_NOT_A_DRAFT, text)));
        }
        let source = one.command.source.clone();
        let read = tokio::task::spawn_blocking(move || read(&source)).await;
        let written = match read.map_err(|error| Failure::Reject(error.to_string()))? {
            Ok(written) => written,
            Err(faults) => return Ok(Err(faulty(faults))),
        };
        all_new(questions::replace(db, exam.info.id, &written).await?, written.len(), "questions")?;
        Ok(Ok(json!({ "questions": written.len() })))
    }
}

fn read(source: &QuestionSource) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    match source {
        QuestionSource::Json(questions) => all_checked(questions.clone()),
        QuestionSource::Csv(text) => csv::parse(text),
        QuestionSource::Gift(text) => gift::parse(text),
    }
}
