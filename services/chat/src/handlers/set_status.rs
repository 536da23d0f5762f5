//! `set-status`: how somebody chooses to show.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::{SetStatus, StatusSet};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::announce;
use crate::store::presence::{self, Shown};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SetStatus;

    async fn handle(&self, batch: &[Received<SetStatus>]) -> Result<Vec<Outcome<StatusSet>>, Failure> {
        // Of several choices in one batch the last one counts.
        let last: HashMap<_, _> = batch.iter().map(|one| (one.actor.user_id, one)).collect();
        let shown = |one: &Received<SetStatus>| Shown {
            user: one.actor.user_id,
            name: one.actor.name.clone(),
            status: one.command.status.into(),
            last_seen_at: one.stamped_at,
            by: Some(one.id),
        };
        let chosen: Vec<_> = last.values().map(|one| shown(one)).collect();
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        presence::choose(&mut db, &chosen).await?;
        drop(db);
        let mut announcements = announce(&self.0, &chosen).await?;
        let is_last: HashMap<_, _> = last.values().map(|one| (one.actor.user_id, one.id)).collect();
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
