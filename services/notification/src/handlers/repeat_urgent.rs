//! Something urgent was not read yet: it is told again.

use std::collections::HashMap;
use std::time::Duration;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::notification::RepeatUrgent;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::handlers::{Told, announce, distinct, enqueue};
use crate::store::notifications;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RepeatUrgent;

    async fn handle(&self, batch: &[Received<RepeatUrgent>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let now = context.clock.now();
        let next = now + Duration::from_millis(context.settings.urgent_repeat_ms);
        // One that was noticed twice is told once: by the last command, for those before it may have been done already.
        let repeats: HashMap<_, Uuid> = batch.iter().map(|one| (one.command.notification_id, one.id)).collect();
        let repeats: Vec<_> = repeats.into_iter().collect();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let again = notifications::repeat(&mut db, &repeats, now, next).await?;
        enqueue(context, &mut db, &again).await?;
        let ids: Vec<Uuid> = repeats.iter().map(|(id, _)| id.0).collect();
        let announced = notifications::announcements(&mut db, &ids).await?;
        db.commit().await.map_err(StoreError::from)?;
        let mut announced: HashMap<_, _> = announced.into_iter().map(|(one, by)| ((one.id, by), one)).collect();
        let own = batch.iter().filter_map(|one| Some((one.command.user_id?, one.command.notification_id)));
        let wanted: Vec<_> = own.collect();
        let told = Told::read(context, &distinct(wanted.iter().map(|(user, _)| *user)), &wanted).await?;
        let outcome = |one: &Received<RepeatUrgent>| {
            let id = one.command.notification_id;
            let outbound = match one.command.user_id {
                Some(user) => told.tell(user, id, one.id)?,
                None => announced.remove(&(id, one.id)).map(announce).transpose()?,
            };
            let mut outcome = Outcome::done(());
            outcome.outbound.extend(outbound);
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}
