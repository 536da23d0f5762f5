//! `notification-read-all`: everything is read that its reader sees.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::Audience;
use sinaesta_contracts::notification::{NotificationsReadAll, ReadAllNotifications};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{Told, distinct};
use crate::store::{inboxes, notifications};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReadAllNotifications;

    async fn handle(
        &self,
        batch: &[Received<ReadAllNotifications>],
    ) -> Result<Vec<Outcome<NotificationsReadAll>>, Failure> {
        let context = &self.0;
        let users = distinct(batch.iter().map(|one| one.actor.user_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let read = notifications::read_all(&mut db, &users, context.clock.now()).await?;
        inboxes::touch(&mut db, &read.changed).await?;
        let own = inboxes::own_versions(&mut db, &users).await?;
        db.commit().await.map_err(StoreError::from)?;
        let told = Told::read(context, &users, &[]).await?;
        let outcome = |one: &Received<ReadAllNotifications>| {
            let user = one.actor.user_id;
            let state = told.state(user);
            // What was announced since is not among what was read, though the count has it.
            let read_up_to_version = own.get(&user).copied().unwrap_or_default() + read.announcements_version;
            let (unread_count, version) = (state.unread_count, state.version);
            let all = NotificationsReadAll { unread_count, version, read_up_to_version };
            let delivery = Outbound::deliver(Audience::User(user), &all)?;
            Ok(Outcome::done(all).and(delivery))
        };
        batch.iter().map(outcome).collect()
    }
}
