//! Names those who may change an exam besides its author and admins.

use serde_json::{Value, json};
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::{CoAuthors, ExamDetails, SetAuthors};
use sinaesta_contracts::{ErrorBody, ExamId, code};
use sqlx::PgConnection;

use crate::context::Context;
use crate::handlers::authoring::{Author, author};
use crate::handlers::one_by_one;
use crate::store::exams::{self, ExamRow};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SetAuthors;

    async fn handle(&self, batch: &[Received<SetAuthors>]) -> Result<Vec<Outcome<ExamDetails>>, Failure> {
        one_by_one(batch, |one| author(&self.0, one)).await
    }
}

impl Author for SetAuthors {
    const KIND: &'static str = "authors";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    async fn apply(
        one: &Received<Self>,
        db: &mut PgConnection,
        exam: ExamRow,
    ) -> Result<Result<Value, ErrorBody>, Failure> {
        if exam.author != one.actor.user_id && !one.actor.role.is_admin() {
            let text = "Only its author and admins may say who else changes an exam";
            return Ok(Err(ErrorBody::new(code::FORBIDDEN, text)));
        }
        let CoAuthors { co_authors } = &one.command.authors;
        exams::set_co_authors(db, exam.info.id, co_authors).await?;
        Ok(Ok(json!({ "coAuthors": co_authors })))
    }
}
