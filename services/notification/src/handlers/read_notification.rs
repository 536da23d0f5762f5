//! `notification-read`: one notification is read.

use std::collections::HashSet;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{NotificationRead, ReadNotification};
use sinaesta_contracts::{Audience, ErrorBody, NotificationId, UserId, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{Told, distinct};
use crate::store::{inboxes, notifications, seen};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReadNotification;

    async fn handle(&self, batch: &[Received<ReadNotification>]) -> Result<Vec<Outcome<NotificationRead>>, Failure> {
        let context = &self.0;
        let reads: Vec<_> = batch.iter().map(|one| (one.actor.user_id, one.command.notification_id)).collect();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let found = seen::find(&mut db, &reads).await?;
        let known: HashSet<(UserId, NotificationId)> =
            found.into_iter().map(|one| (one.notification.user_id, one.notification.id)).collect();
        let changed = notifications::read(&mut db, &reads, context.clock.now()).await?;
        inboxes::touch(&mut db, &changed).await?;
        db.commit().await.map_err(StoreError::from)?;
        let told = Told::read(context, &distinct(reads.iter().map(|(user, _)| *user)), &[]).await?;
        batch.iter().map(|one| outcome(one, &known, &told)).collect()
    }
}

fn outcome(
    one: &Received<ReadNotification>,
    known: &HashSet<(UserId, NotificationId)>,
    told: &Told,
) -> Result<Outcome<NotificationRead>, Failure> {
    let (user, notification_id) = (one.actor.user_id, one.command.notification_id);
    // One answer for what does not exist and what is somebody else's: the difference is not theirs to know.
    if !known.contains(&(user, notification_id)) {
        let error = ErrorBody::new(code::NOTIFICATION_NOT_FOUND, "There is no such notification");
        return Ok(Outcome::refused(error.on_field("notificationId")));
    }
    let state = told.state(user);
    let read = NotificationRead { notification_id, unread_count: state.unread_count, version: state.version };
    let delivery = Outbound::deliver(Audience::User(user), &read)?;
    Ok(Outcome::done(read).and(delivery))
}
