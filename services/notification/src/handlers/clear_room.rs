//! A user has read a room: what told them of its messages is read.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{ClearRoom, NotificationRead};
use sinaesta_contracts::{Audience, NotificationId, RoomId, UserId};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{Told, distinct};
use crate::store::{inboxes, notifications};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ClearRoom;

    async fn handle(&self, batch: &[Received<ClearRoom>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let mut up_to: HashMap<(UserId, &RoomId), i64> = HashMap::new();
        for one in batch {
            let seq = up_to.entry((one.command.user_id, &one.command.room_id)).or_default();
            *seq = one.command.seq.max(*seq);
        }
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let unread = notifications::unread_of_rooms(&mut db, &up_to.keys().copied().collect::<Vec<_>>()).await?;
        let is_read = |user, topic: &str, last_seq| {
            up_to.iter().any(|((u, room), seq)| *u == user && notifications::topic(room) == topic && *seq >= last_seq)
        };
        let read: Vec<(UserId, NotificationId)> = unread
            .into_iter()
            .filter(|one| is_read(one.user_id, &one.topic, one.last_seq))
            .map(|one| (one.user_id, one.id))
            .collect();
        let changed = notifications::read(&mut db, &read, context.clock.now()).await?;
        inboxes::touch(&mut db, &changed).await?;
        db.commit().await.map_err(StoreError::from)?;
        let told = Told::read(context, &distinct(read.iter().map(|(user, _)| *user)), &[]).await?;
        let mut read = read;
        let outcome = |one: &Received<ClearRoom>| {
            let mut outcome = Outcome::done(());
            for (user, notification_id) in read.extract_if(.., |(user, _)| *user == one.command.user_id) {
                let state = told.state(user);
                let (unread_count, version) = (state.unread_count, state.version);
                let event = NotificationRead { notification_id, unread_count, version };
                outcome.outbound.push(Outbound::deliver(Audience::User(user), &event)?);
            }
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}
