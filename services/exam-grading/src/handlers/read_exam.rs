//! One exam; its questions and their keys for mentors and admins alone, and for none of them who sits it.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::exam_authoring::{ExamDetails, ReadExam};
use sinaesta_contracts::{Actor, ErrorBody};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{details, is_sitting, visible};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadExam;

    async fn handle(&self, actor: Actor, query: ReadExam) -> Result<Result<ExamDetails, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        Ok(match visible(&mut db, query.exam_id, &actor).await? {
            Ok(exam) => {
                let is_staff = actor.role.is_staff() || mutant!("exam-key-for-students");
                let with_key = is_staff && !is_sitting(&mut db, query.exam_id, &actor).await?;
                Ok(details(&mut db, exam, with_key).await?)
            }
            Err(error) => Err(error),
        })
    }
}
