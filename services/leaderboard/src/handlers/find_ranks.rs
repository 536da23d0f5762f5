//! Where a gateway's watchers stand.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::leaderboard::{FindRanks, UserRank};
use sinaesta_contracts::{Actor, ErrorBody};

use crate::context::Context;
use crate::handlers::unreadable;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindRanks;

    async fn handle(&self, _: Actor, query: FindRanks) -> Result<Result<Vec<UserRank>, ErrorBody>, Failure> {
        let (index, now) = (&self.0.index, self.0.clock.now());
        if index.is_unreadable(&query.board, now) {
            return Ok(Err(unreadable()));
        }
        Ok(Ok(index.ranks(&query.board, &query.users, now)))
    }
}
