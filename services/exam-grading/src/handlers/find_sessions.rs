//! Who has a session in which exam: asked by chat, at the door of an exam's room.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::exam::FindSessions;
use sinaesta_contracts::{Actor, ErrorBody, ExamId, UserId};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::sessions;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindSessions;

    async fn handle(&self, _: Actor, query: FindSessions) -> Result<Result<Vec<(ExamId, UserId)>, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        Ok(Ok(sessions::existing(&mut db, &query.of).await?))
    }
}
