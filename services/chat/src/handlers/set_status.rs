//! `set-status`: how somebody chooses to show.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::{SetStatus, StatusSet};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{announce, news, word};
use crate::store::newest;
use crate::store::presence::{self, Shown};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SetStatus;

    async fn handle(&self, batch: &[Received<SetStatus>]) -> Result<Vec<Outcome<StatusSet>>, Failure> {
        let subject = |one: &Received<SetStatus>| format!("status {}", one.actor.user_id.0);
        let said: Vec<_> = batch.iter().map(|one| word(one, one.from, subject(one))).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let is_news = newest::note(&mut db, &said).await?;
        // Of several choices in one batch the last one counts.
        let last: HashMap<_, _> = news(batch, &is_news).map(|one| (one.actor.user_id, one)).collect();
        let shown = |one: &Received<SetStatus>| Shown {
            user: one.actor.user_id,
            name: one.actor.name.clone(),
            status: one.command.status.into(),
            last_seen_at: one.stamped_at,
            by: Some(one.id),
        };
        let chosen: Vec<_> = last.values().map(|one| shown(one)).collect();
        presence::choose(&mut db, &chosen).await?;
        // What comes again tells how they show now.
        let again: Vec<_> = batch.iter().map(|one| one.actor.user_id).filter(|user| !last.contains_key(user)).collect();
        let mut shown = presence::chosen(&mut db, &again.iter().map(|user| user.0).collect::<Vec<_>>()).await?;
        shown.extend(chosen);
        db.commit().await.map_err(StoreError::from)?;
        let mut announcements = announce(&self.0, &shown).await?;
        let is_last: HashMap<_, _> = batch.iter().map(|one| (one.actor.user_id, one.id)).collect();
        let outcome = |one: &Received<SetStatus>| {
            let mut outcome = Outcome::done(StatusSet { status: one.command.status.into() });
            if is_last.get(&one.actor.user_id) == Some(&one.id) {
                outcome.outbound = announcements.remove(&one.actor.user_id).unwrap_or_default();
            }
            outcome
        };
        Ok(batch.iter().map(outcome).collect())
    }
}
