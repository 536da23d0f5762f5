//! The last of a user's sockets that were in a room through a gateway is gone: they still take part in it, but are away.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::chat::ExitRoom;
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::room_sockets::{self, Place};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExitRoom;

    async fn handle(&self, batch: &[Received<ExitRoom>]) -> Result<Vec<Outcome<()>>, Failure> {
        let places: Vec<_> = batch.iter().map(place).collect();
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        room_sockets::exit(&mut db, &places).await?;
        Ok(batch.iter().map(|_| Outcome::done(())).collect())
    }
}

fn place(one: &Received<ExitRoom>) -> Place<'_> {
    let ExitRoom { room_id, gateway_id } = &one.command;
    Place { room: room_id, user: one.actor.user_id, gateway: *gateway_id, at: one.stamped_at }
}
