//! The key by which push services know us.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::notification::{PushKey, ReadPushKey};
use sinaesta_contracts::{Actor, ErrorBody};

use crate::context::Context;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadPushKey;

    async fn handle(&self, _: Actor, _: ReadPushKey) -> Result<Result<PushKey, ErrorBody>, Failure> {
        Ok(Ok(PushKey { public_key: self.0.push_key.public().to_owned() }))
    }
}
