//! Somebody's last socket on a gateway is gone. The others hear of it when it lasts.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::DisconnectUser;
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::{presence, room_sockets};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = DisconnectUser;

    async fn handle(&self, batch: &[Received<DisconnectUser>]) -> Result<Vec<Outcome<()>>, Failure> {
        let departures: Vec<_> =
            batch.iter().map(|one| (one.actor.user_id, one.command.gateway_id, one.stamped_at)).collect();
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        presence::depart(&mut db, &departures).await?;
        room_sockets::exit_all(&mut db, &departures).await?;
        Ok(batch.iter().map(|_| Outcome::done(())).collect())
    }
}
