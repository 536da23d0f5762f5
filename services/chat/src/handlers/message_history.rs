//! `message-history`: a page of a room's messages.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::chat::{HistoryPage, MessageHistory};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Actor, ErrorBody};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::doors::Doors;
use crate::store::messages;

/// How many messages a page has when the client does not say.
const PAGE: u32 = 50;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = MessageHistory;

    async fn handle(&self, actor: Actor, query: MessageHistory) -> Result<Result<HistoryPage, ErrorBody>, Failure> {
        let doors = Doors::load(&self.0, &self.0.queries, std::iter::once((&actor, &query.room_id))).await?;
        if let Err(error) = doors.check(&actor, &query.room_id)
            && !mutant!("door-of-history-is-open")
        {
            return Ok(Err(error));
        }
        let limit = query.limit.map_or(PAGE, u32::from);
        let before = query.before_seq.map_or(i64::MAX, i64::from);
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        // One more than wanted tells whether there are more.
        let mut found = messages::before(&mut db, &[(&query.room_id, before)], i64::from(limit) + 1).await?;
        let mut list = found.remove(&query.room_id).unwrap_or_default();
        let has_more = page::cut_front(&mut list, limit as usize, PAGE_BYTES);
        Ok(Ok(HistoryPage { messages: list, has_more }))
    }
}
