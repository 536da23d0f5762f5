//! A gateway was not heard of for too long: whoever was on it is gone, and is announced as anybody who is gone.

use std::time::Duration;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::LoseGateway;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::presence;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = LoseGateway;

    async fn handle(&self, batch: &[Received<LoseGateway>]) -> Result<Vec<Outcome<()>>, Failure> {
        let gateways: Vec<_> = batch.iter().map(|one| one.command.gateway_id.0).collect();
        // The grace period has passed in its silence already.
        let grace = Duration::from_millis(self.0.settings.presence_grace_ms);
        let since: Vec<_> = batch.iter().map(|one| one.stamped_at - grace).collect();
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        let users = presence::lose(&mut db, &gateways, &since).await?;
        tracing::warn!(users, "a gateway is lost");
        Ok(batch.iter().map(|_| Outcome::done(())).collect())
    }
}
