//! Something urgent was not read yet: it is told again.

use std::collections::HashMap;
use std::time::Duration;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::notification::RepeatUrgent;
use sinaesta_contracts::{NotificationId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::handlers::{ToPush, Told, announce, distinct, enqueue};
use crate::store::urgent::{self, Urgent};
use crate::store::{inboxes, notifications};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RepeatUrgent;

    async fn handle(&self, batch: &[Received<RepeatUrgent>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let own: Vec<_> =
            batch.iter().filter_map(|one| Some((one.command.user_id?, one.command.notification_id))).collect();
        let users = distinct(own.iter().map(|(user, _)| *user));
        let mut ids: Vec<Uuid> = batch.iter().map(|one| one.command.notification_id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        inboxes::hold(&mut db, &users).await?;
        if own.len() < batch.len() {
            inboxes::hold_announcements(&mut db).await?;
        }
        let mut held = urgent::hold_urgent(&mut db, &ids).await?;
        let interval = Duration::from_millis(context.settings.urgent_repeat_ms);
        let told = decide(batch, &mut held, interval);
        let repeated: Vec<Urgent> = told.iter().filter_map(|(_, id, _)| held.get(&id.0).copied()).collect();
        urgent::repeat(&mut db, &repeated).await?;
        enqueue(context, &mut db, &told).await?;
        let announced = notifications::announcements(&mut db, &ids).await?;
        db.commit().await.map_err(StoreError::from)?;
        let announced: HashMap<_, _> = announced.into_iter().map(|(one, by)| ((one.id, by), one)).collect();
        let told = Told::read(context, &users, &own).await?;
        // What this very command told last: a repeat tells it again.
        let outcome = |one: &Received<RepeatUrgent>| {
            let id = one.command.notification_id;
            let outbound = match one.command.user_id {
                Some(user) => told.tell(user, id, one)?,
                None => announced.get(&(id, one.id)).cloned().map(announce).transpose()?,
            };
            let mut outcome = Outcome::done(());
            outcome.outbound.extend(outbound);
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}

/// What is told again, when last, each once: whatever is due by a command's stamp. One that was noticed by two is due for
/// the first; one that comes again is not due by its old stamp.
fn decide(batch: &[Received<RepeatUrgent>], held: &mut HashMap<Uuid, Urgent>, interval: Duration) -> Vec<ToPush> {
    let mut told: HashMap<Uuid, ToPush> = HashMap::new();
    for one in batch {
        let Some(urgent) = held.get_mut(&one.command.notification_id.0) else { continue };
        let is_due = urgent.repeat_at.is_some_and(|due| due <= one.stamped_at);
        if is_due && urgent.repeats_left > 0 && urgent.caused_by != one.id {
            urgent.repeats_left -= i16::from(!mutant!("urgent-told-for-ever"));
            urgent.repeat_at = (urgent.repeats_left > 0).then_some(one.stamped_at + interval);
            urgent.caused_by = one.id;
            told.insert(urgent.id, (urgent.user_id.map(UserId), NotificationId(urgent.id), one.stamped_at));
        }
    }
    told.into_values().collect()
}
