//! Announcements are too old to be kept: they go, for those who have read them and for those who have not.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{NotificationRemoved, RemoveAnnouncements};
use sinaesta_contracts::{Audience, NotificationId};
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::{inboxes, retention};
use crate::timers::kept_for;

/// How many go at a time: everybody is told of each.
const AT_ONCE: i64 = 20;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RemoveAnnouncements;

    async fn handle(&self, batch: &[Received<RemoveAnnouncements>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let until = context.clock.now() - kept_for(&context.settings);
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for one in batch {
            if retention::withdraw(&mut db, until, AT_ONCE, one.id, context.clock.now()).await? > 0 {
                inboxes::touch_announcements(&mut db).await?;
            }
            let mut outcome = Outcome::done(());
            // What this very command withdrew: a repeat says it again.
            for id in retention::withdrawn_by(&mut db, one.id).await? {
                let gone = NotificationRemoved { notification_id: NotificationId(id), unread_count: 0, version: 0 };
                outcome.outbound.push(Outbound::deliver(Audience::All, &gone)?);
            }
            outcomes.push(outcome);
        }
        db.commit().await.map_err(StoreError::from)?;
        Ok(outcomes)
    }
}
