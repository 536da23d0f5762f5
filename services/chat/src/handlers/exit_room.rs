//! The last of a user's sockets that were in a room through a gateway is gone: they still take part in it, but are away.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::chat::ExitRoom;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{in_room, news, word};
use crate::store::newest;
use crate::store::room_sockets::{self, Place};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExitRoom;

    async fn handle(&self, batch: &[Received<ExitRoom>]) -> Result<Vec<Outcome<()>>, Failure> {
        let said = |one: &Received<ExitRoom>| {
            word(one, Some(one.command.gateway_id), in_room(&one.command.room_id, one.actor.user_id))
        };
        let said: Vec<_> = batch.iter().map(said).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let is_news = newest::note(&mut db, &said).await?;
        let places: Vec<_> = news(batch, &is_news).map(place).collect();
        room_sockets::exit(&mut db, &places).await?;
        db.commit().await.map_err(StoreError::from)?;
        Ok(batch.iter().map(|_| Outcome::done(())).collect())
    }
}

fn place(one: &Received<ExitRoom>) -> Place<'_> {
    let ExitRoom { room_id, gateway_id } = &one.command;
    Place { room: room_id, user: one.actor.user_id, gateway: *gateway_id, at: one.stamped_at }
}
