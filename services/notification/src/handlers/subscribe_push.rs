//! A browser wants to be told while it is closed. A repeat does not bring back one that has signed off since.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::notification::SubscribePush;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::claim;
use crate::push::browser::Browser;
use crate::store::push;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SubscribePush;

    async fn handle(&self, batch: &[Received<SubscribePush>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| subscribe(&self.0, one)).await
    }
}

async fn subscribe(context: &Context, one: &Received<SubscribePush>) -> Result<Outcome<()>, Failure> {
    let SubscribePush { endpoint, keys } = &one.command;
    let read = context.push_services.check(endpoint.as_str()).and_then(|()| Browser::read(keys));
    let browser = match read {
        Ok(browser) => browser,
        Err(error) => return Ok(Outcome::refused(error)),
    };
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    if claim(&mut db, std::slice::from_ref(one)).await?.contains(&one.id) || mutant!("push-signed-on-by-a-repeat") {
        let keys = (browser.p256dh.as_slice(), browser.auth.as_slice());
        push::subscribe(&mut db, one.actor.user_id, endpoint.as_str(), keys, one.stamped_at).await?;
    }
    db.commit().await.map_err(StoreError::from)?;
    Ok(Outcome::done(()))
}
