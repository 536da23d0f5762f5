//! `event.chat.room-read`: what told of the room's messages is read with them.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::chat::RoomRead;
use sinaesta_contracts::notification::ClearRoom;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::posting::post;
use crate::store::rooms;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = RoomRead;

    async fn handle(&self, batch: &[Heard<RoomRead>]) -> Result<Vec<Outbound>, Failure> {
        let read: Vec<_> = batch.iter().map(|one| (one.event.user_id, &one.event.room_id)).collect();
        let positions: Vec<_> =
            batch.iter().map(|one| (one.event.user_id, &one.event.room_id, one.event.seq)).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        // Held until what is unread is known: who is told meanwhile is told before or not at all.
        rooms::note_read(&mut db, &positions).await?;
        // Most who read a room were in it, and were not told.
        let unread = rooms::unread_of_rooms(&mut db, &read).await?;
        db.commit().await.map_err(StoreError::from)?;
        let was_told = |event: &RoomRead| {
            unread.iter().any(|one| one.user_id == event.user_id && one.topic == rooms::topic(&event.room_id))
        };
        let command = |one: &Heard<RoomRead>| {
            let RoomRead { room_id, user_id, seq } = one.event.clone();
            (Uuid::new_v5(&user_id.0, format!("read.{room_id}.{seq}").as_bytes()), ClearRoom { user_id, room_id, seq })
        };
        post(&self.0, batch.iter().filter(|one| was_told(&one.event)).map(command).collect()).await?;
        Ok(Vec::new())
    }
}
