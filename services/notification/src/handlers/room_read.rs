//! `event.chat.room-read`: what told of the room's messages is read with them.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::chat::RoomRead;
use sinaesta_contracts::notification::ClearRoom;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::handlers::post;
use crate::store::notifications;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = RoomRead;

    async fn handle(&self, batch: &[Heard<RoomRead>]) -> Result<Vec<Outbound>, Failure> {
        let read: Vec<_> = batch.iter().map(|one| (one.event.user_id, &one.event.room_id)).collect();
        let positions: Vec<_> =
            batch.iter().map(|one| (one.event.user_id, &one.event.room_id, one.event.seq)).collect();
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        notifications::note_read(&mut db, &positions).await?;
        // Most who read a room were in it, and were not told.
        let unread = notifications::unread_of_rooms(&mut db, &read).await?;
        drop(db);
        let was_told = |event: &RoomRead| {
            unread.iter().any(|one| one.user_id == event.user_id && one.topic == notifications::topic(&event.room_id))
        };
        let command = |one: &Heard<RoomRead>| {
            let RoomRead { room_id, user_id, seq } = one.event.clone();
            (Uuid::new_v5(&user_id.0, format!("read.{room_id}.{seq}").as_bytes()), ClearRoom { user_id, room_id, seq })
        };
        post(&self.0, batch.iter().filter(|one| was_told(&one.event)).map(command).collect()).await?;
        Ok(Vec::new())
    }
}
