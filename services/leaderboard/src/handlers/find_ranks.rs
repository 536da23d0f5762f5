//! Where a gateway's watchers stand.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::leaderboard::{FindRanks, UserRank};
use sinaesta_contracts::{Actor, ErrorBody};

use crate::Context;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindRanks;

    async fn handle(&self, _: Actor, query: FindRanks) -> Result<Result<Vec<UserRank>, ErrorBody>, Failure> {
        Ok(Ok(self.0.index.ranks(&query.board, &query.users, self.0.clock.now())))
    }
}
