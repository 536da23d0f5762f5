//! Which users are connected anywhere.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::presence::FindOnline;
use sinaesta_contracts::{Actor, ErrorBody, UserId};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::presence;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindOnline;

    async fn handle(&self, _: Actor, query: FindOnline) -> Result<Result<Vec<UserId>, ErrorBody>, Failure> {
        let users: Vec<_> = query.users.iter().map(|user| user.0).collect();
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        Ok(Ok(presence::online(&mut db, &users).await?))
    }
}
