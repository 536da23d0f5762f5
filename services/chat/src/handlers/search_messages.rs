//! `message-search`: a room's messages that say something.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::moderation::{FoundMessages, SearchMessages};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Actor, ErrorBody, MessageId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::searching;
use crate::doors::Doors;
use crate::store::{messages, search};

/// How many messages a page has when the client does not say.
const PAGE: u32 = 50;
/// How many words a query may have, what is written as one (`mual/muntah`) by its parts.
const WORDS: usize = 20;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = SearchMessages;

    async fn handle(&self, actor: Actor, query: SearchMessages) -> Result<Result<FoundMessages, ErrorBody>, Failure> {
        let room = &query.room_id;
        if searching::query(query.query.as_str()).split_whitespace().nth(WORDS).is_some()
            && !mutant!("search-takes-any-number-of-words")
        {
            let text = format!("query may have {WORDS} words, of what is written as one each part");
            return Ok(Err(ErrorBody::new(code::INVALID_PAYLOAD, text).on_field("query")));
        }
        let doors = Doors::load(&self.0, &self.0.queries, std::iter::once((&actor, room))).await?;
        if let Err(error) = doors.check(&actor, room)
            && !mutant!("door-of-search-is-open")
        {
            return Ok(Err(error));
        }
        let limit = query.limit.map_or(PAGE, u32::from) as usize;
        let before = query.before_seq.map_or(i64::MAX, i64::from);
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let ids = search::find(&mut db, room, query.query.as_str(), before, limit as i64 + 1).await?;
        let mut found = messages::find(&mut db, &ids).await?;
        let mut messages: Vec<_> = ids.iter().filter_map(|id| found.remove(&MessageId(*id))).collect();
        let has_more = page::cut(&mut messages, limit, PAGE_BYTES);
        Ok(Ok(FoundMessages { messages, has_more }))
    }
}
