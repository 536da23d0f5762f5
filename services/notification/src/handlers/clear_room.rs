//! A user has read a room: what told them of its messages is read.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::Audience;
use sinaesta_contracts::notification::{ClearRoom, NotificationRead};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{Told, distinct};
use crate::store::inboxes;
use crate::store::rooms::{self, Cleared};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ClearRoom;

    async fn handle(&self, batch: &[Received<ClearRoom>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let cleared: Vec<_> = batch.iter().map(cleared).collect();
        let users = distinct(batch.iter().map(|one| one.command.user_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        inboxes::hold(&mut db, &users).await?;
        let changed = rooms::clear_rooms(&mut db, &cleared).await?;
        mutant!("badge-of-a-room-that-was-read", (), inboxes::touch(&mut db, &changed).await?);
        // What these very commands read: a repeat says it again.
        let read = rooms::cleared_by(&mut db, &cleared).await?;
        db.commit().await.map_err(StoreError::from)?;
        let told = Told::read(context, &users, &[]).await?;
        let outcome = |one: &Received<ClearRoom>| {
            let user = one.command.user_id;
            let mut outcome = Outcome::done(());
            if let Some(notification_id) = read.get(&one.id).copied() {
                let state = told.state(user);
                let event =
                    NotificationRead { notification_id, unread_count: state.unread_count, version: state.version };
                outcome.outbound.push(Outbound::deliver(Audience::User(user), &event)?);
            }
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}

fn cleared(one: &Received<ClearRoom>) -> Cleared<'_> {
    let ClearRoom { user_id, room_id, seq } = &one.command;
    Cleared { user: *user_id, room: room_id, seq: *seq, at: one.stamped_at, by: one.id }
}
