//! `notification-read`: one notification is read.

use std::collections::HashSet;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{NotificationRead, ReadNotification};
use sinaesta_contracts::{Audience, ErrorBody, NotificationId, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{Told, distinct};
use crate::store::{inboxes, notifications, seen};

pub struct Handler(pub(crate) Context);

/// What is decided about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// It reads what its reader sees.
    Read,
    /// It is read: by this command, or by another. Whether it is still seen does not matter.
    Known,
    Refused,
}

impl CommandHandler for Handler {
    type Command = ReadNotification;

    async fn handle(&self, batch: &[Received<ReadNotification>]) -> Result<Vec<Outcome<NotificationRead>>, Failure> {
        let context = &self.0;
        let asked: Vec<_> = batch.iter().map(asked).collect();
        let users = distinct(asked.iter().map(|(user, _)| *user));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        inboxes::hold(&mut db, &users).await?;
        let read = notifications::already_read(&mut db, &asked).await?;
        let seen = seen::find(&mut db, &asked).await?;
        let seen: HashSet<_> = seen.into_iter().map(|one| (one.notification.user_id, one.notification.id)).collect();
        let decide = |what| match what {
            _ if read.contains(what) => Decision::Known,
            _ if seen.contains(what) || mutant!("notification-of-others-is-read") => Decision::Read,
            _ => Decision::Refused,
        };
        let decided: Vec<Decision> = asked.iter().map(decide).collect();
        let new = batch.iter().zip(&decided).filter(|(_, decision)| **decision == Decision::Read);
        let reads: Vec<_> =
            new.map(|(one, _)| (one.actor.user_id, one.command.notification_id, one.stamped_at)).collect();
        let changed = notifications::read(&mut db, &reads).await?;
        inboxes::touch(&mut db, &changed).await?;
        let committed = db.commit().await.map_err(StoreError::from);
        mutant!("notification-failed-commit-ignored", (), committed?);
        let told = Told::read(context, &users, &[]).await?;
        batch.iter().zip(decided).map(|(one, decision)| outcome(one, decision, &told)).collect()
    }
}

fn asked(one: &Received<ReadNotification>) -> (UserId, NotificationId) {
    (one.actor.user_id, one.command.notification_id)
}

fn outcome(
    one: &Received<ReadNotification>,
    decision: Decision,
    told: &Told,
) -> Result<Outcome<NotificationRead>, Failure> {
    let (user, notification_id) = asked(one);
    match decision {
        Decision::Read | Decision::Known => {
            let state = told.state(user);
            let read = NotificationRead { notification_id, unread_count: state.unread_count, version: state.version };
            let delivery = Outbound::deliver(Audience::User(user), &read)?;
            Ok(Outcome::done(read).and(delivery))
        }
        // One answer for what does not exist and what is somebody else's: the difference is not theirs to know.
        Decision::Refused => {
            let error = ErrorBody::new(code::NOTIFICATION_NOT_FOUND, "There is no such notification");
            Ok(Outcome::refused(error.on_field("notificationId")))
        }
    }
}
