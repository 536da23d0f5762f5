//! Somebody's last socket on a gateway is gone. The others hear of it when it lasts.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::DisconnectUser;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{news, word};
use crate::store::{newest, presence, room_sockets};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = DisconnectUser;

    async fn handle(&self, batch: &[Received<DisconnectUser>]) -> Result<Vec<Outcome<()>>, Failure> {
        let said: Vec<_> = batch
            .iter()
            .map(|one| word(one, Some(one.command.gateway_id), presence::subject(one.actor.user_id)))
            .collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let is_news = newest::note(&mut db, &said).await?;
        let departures: Vec<_> =
            news(batch, &is_news).map(|one| (one.actor.user_id, one.command.gateway_id, one.stamped_at)).collect();
        presence::depart(&mut db, &departures).await?;
        room_sockets::exit_all(&mut db, &departures).await?;
        db.commit().await.map_err(StoreError::from)?;
        Ok(batch.iter().map(|_| Outcome::done(())).collect())
    }
}
