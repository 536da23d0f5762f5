//! `message-thread`: a message and the replies to it.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::moderation::{ReadThread, Thread};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Actor, ErrorBody};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::doors::Doors;
use crate::handlers::unknown_message;
use crate::store::messages;

/// How many replies a page has when the client does not say.
const PAGE: u32 = 50;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadThread;

    async fn handle(&self, actor: Actor, query: ReadThread) -> Result<Result<Thread, ErrorBody>, Failure> {
        let queries = &self.0.queries;
        let ids = [query.message_id.0];
        let found = messages::find(&mut *queries.acquire().await.map_err(StoreError::from)?, &ids).await?;
        let Some(message) = found.into_values().next() else { return Ok(Err(unknown_message())) };
        let doors = Doors::load(&self.0, queries, std::iter::once((&actor, &message.room_id))).await?;
        if doors.check(&actor, &message.room_id).is_err() && !mutant!("door-of-threads-is-open") {
            return Ok(Err(unknown_message()));
        }
        let mut db = queries.acquire().await.map_err(StoreError::from)?;
        let limit = query.limit.map_or(PAGE, u32::from) as usize;
        let after = query.after_seq.map_or(0, i64::from);
        let mut replies = messages::replies(&mut db, query.message_id, after, limit as i64 + 1).await?;
        let has_more = page::cut(&mut replies, limit, PAGE_BYTES);
        Ok(Ok(Thread { message, replies, has_more }))
    }
}
