//! A browser no longer wants to be told. One that is not known changes nothing.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::notification::UnsubscribePush;
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::push;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = UnsubscribePush;

    async fn handle(&self, batch: &[Received<UnsubscribePush>]) -> Result<Vec<Outcome<()>>, Failure> {
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        for one in batch {
            push::unsubscribe(&mut db, one.actor.user_id, one.command.endpoint.as_str()).await?;
        }
        Ok(batch.iter().map(|_| Outcome::done(())).collect())
    }
}
