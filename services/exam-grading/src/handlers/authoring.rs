//! What authors do to exams has one course: who, to which exam, and once.

use serde_json::Value;
use sinaesta_bus::{Failure, Outcome, Received};
use sinaesta_contracts::exam_authoring::ExamDetails;
use sinaesta_contracts::{Command, ErrorBody, ExamId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;

use crate::context::Context;
use crate::handlers::applied::{Note, before, note};
use crate::handlers::{check_not_sitting, check_staff, check_writer, details, told, visible};
use crate::store::exams::{self, ExamRow, Hold};

/// What an author does to an exam that is held alone: checks and stores it, and says what is noted of it; or why it may
/// not be done.
pub(super) trait Author: Command<Reply = ExamDetails> + Clone {
    const KIND: &'static str;

    fn exam(&self) -> ExamId;

    async fn apply(
        one: &Received<Self>,
        db: &mut PgConnection,
        exam: ExamRow,
    ) -> Result<Result<Value, ErrorBody>, Failure>;
}

/// Applies what an author does, once. The answer is the exam as it is then; also that to a repeat, which undoes nothing
/// that was done since.
pub(super) async fn author<C: Author>(context: &Context, one: &Received<C>) -> Result<Outcome<ExamDetails>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Outcome::refused(error));
    }
    let id = one.command.exam();
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    exams::hold(&mut db, &[id.0], Hold::Alone).await?;
    let at = match before(&mut db, one.id, id, C::KIND).await? {
        Some(before) => before.at,
        None => {
            let exam = match visible(&mut db, id, &one.actor).await? {
                Ok(exam) => exam,
                Err(error) => return Ok(Outcome::refused(error)),
            };
            if let Err(error) = check_writer(&exam, &one.actor) {
                return Ok(Outcome::refused(error));
            }
            if let Err(error) = check_not_sitting(&mut db, id, &one.actor).await? {
                return Ok(Outcome::refused(error));
            }
            let detail = match C::apply(one, &mut db, exam).await? {
                Ok(detail) => detail,
                Err(error) => return Ok(Outcome::refused(error)),
            };
            let noted = Note { exam: id, kind: C::KIND, user: None, detail: &detail, reply: &(), sessions: &[] };
            note(&mut db, one, noted).await?;
            one.stamped_at
        }
    };
    let answer = match visible(&mut db, id, &one.actor).await? {
        Ok(exam) => Ok(details(&mut db, exam, true).await?),
        Err(error) => Err(error),
    };
    db.commit().await.map_err(StoreError::from)?;
    told(answer, at)
}
