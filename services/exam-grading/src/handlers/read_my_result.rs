//! The caller's own result.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::exam_grading::{ExamResult, ReadMyResult};
use sinaesta_contracts::{Actor, ErrorBody, code};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::not_joined;
use crate::store::{results, sessions};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadMyResult;

    async fn handle(&self, actor: Actor, query: ReadMyResult) -> Result<Result<ExamResult, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let Some(session) = sessions::find(&mut db, (query.exam_id, actor.user_id)).await? else {
            return Ok(Err(not_joined()));
        };
        let graded = results::of_sessions(&mut db, &[session.id.0]).await?.remove(&session.id);
        let none = || ErrorBody::new(code::EXAM_NO_RESULT, "This exam is not completed yet");
        Ok(graded.map(|graded| graded.result).ok_or_else(none))
    }
}
