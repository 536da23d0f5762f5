//! Announcements are too old to be kept: they go, for those who have read them and for those who have not.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::notification::{NotificationRemoved, RemoveAnnouncements};
use sinaesta_contracts::{Audience, NotificationId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::retention::kept_for;
use crate::store::{inboxes, retention};

/// How many go at a time: everybody is told of each.
const AT_ONCE: i64 = 20;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RemoveAnnouncements;

    async fn handle(&self, batch: &[Received<RemoveAnnouncements>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| remove(&self.0, one)).await
    }
}

async fn remove(context: &Context, one: &Received<RemoveAnnouncements>) -> Result<Outcome<()>, Failure> {
    let until = one.stamped_at - kept_for(&context.settings);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    inboxes::hold_announcements(&mut db).await?;
    // What this very command withdrew: a repeat says it again, and withdraws nothing more.
    let mut gone = retention::withdrawn_by(&mut db, one.id).await?;
    if gone.is_empty() && retention::withdraw(&mut db, until, AT_ONCE, one.id, one.stamped_at).await? > 0 {
        mutant!("badge-of-withdrawn-announcements", (), inboxes::touch_announcements(&mut db).await?);
        gone = retention::withdrawn_by(&mut db, one.id).await?;
    }
    db.commit().await.map_err(StoreError::from)?;
    let mut outcome = Outcome::done(());
    for id in gone {
        let gone = NotificationRemoved { notification_id: NotificationId(id), unread_count: 0, version: 0 };
        outcome.outbound.push(Outbound::deliver(Audience::All, &gone)?);
    }
    Ok(outcome)
}
