//! A user has read a room: what told them of its messages is read.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::Audience;
use sinaesta_contracts::notification::{ClearRoom, NotificationRead};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{Told, distinct};
use crate::store::{inboxes, notifications};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ClearRoom;

    async fn handle(&self, batch: &[Received<ClearRoom>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let cleared: Vec<_> =
            batch.iter().map(|one| (one.command.user_id, &one.command.room_id, one.command.seq, one.id)).collect();
        let users = distinct(batch.iter().map(|one| one.command.user_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        inboxes::touch(&mut db, &users).await?;
        notifications::clear_rooms(&mut db, &cleared, context.clock.now()).await?;
        // What these very commands read: a repeat says it again.
        let read = notifications::cleared_by(&mut db, &cleared).await?;
        db.commit().await.map_err(StoreError::from)?;
        let told = Told::read(context, &users, &[]).await?;
        let outcome = |one: &Received<ClearRoom>| {
            let user = one.command.user_id;
            let mut outcome = Outcome::done(());
            for (_, notification_id) in read.iter().filter(|(by, _)| *by == one.id) {
                let state = told.state(user);
                let (notification_id, unread_count, version) = (*notification_id, state.unread_count, state.version);
                let event = NotificationRead { notification_id, unread_count, version };
                outcome.outbound.push(Outbound::deliver(Audience::User(user), &event)?);
            }
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}
