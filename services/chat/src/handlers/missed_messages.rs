//! What a gateway's sockets in a room missed: asked by the gateway, which let them in.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::chat::{HistoryPage, MissedMessages, RESUME_MESSAGES};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Actor, ErrorBody};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::messages;

/// Messages in one answer: as many of the longest as one broker message takes.
const PAGE: i64 = RESUME_MESSAGES as i64 / 5;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = MissedMessages;

    async fn handle(&self, _: Actor, query: MissedMessages) -> Result<Result<HistoryPage, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let mut found = messages::after(&mut db, &[(&query.room_id, query.after_seq)], PAGE + 1).await?;
        let mut list = found.remove(&query.room_id).unwrap_or_default();
        let has_more = page::cut(&mut list, PAGE as usize, PAGE_BYTES);
        Ok(Ok(HistoryPage { messages: list, has_more }))
    }
}
