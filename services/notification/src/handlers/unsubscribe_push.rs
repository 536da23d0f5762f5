//! A browser no longer wants to be told. One that is not known changes nothing, and neither does a repeat.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::notification::UnsubscribePush;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::claim;
use crate::store::push;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = UnsubscribePush;

    async fn handle(&self, batch: &[Received<UnsubscribePush>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| unsubscribe(&self.0, one)).await
    }
}

async fn unsubscribe(context: &Context, one: &Received<UnsubscribePush>) -> Result<Outcome<()>, Failure> {
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    if claim(&mut db, std::slice::from_ref(one)).await?.contains(&one.id) {
        push::unsubscribe(&mut db, one.actor.user_id, one.command.endpoint.as_str()).await?;
    }
    db.commit().await.map_err(StoreError::from)?;
    Ok(Outcome::done(()))
}
