//! Somebody's first socket on a gateway.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::ConnectUser;
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::announce;
use crate::store::presence::{self, Arriving};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ConnectUser;

    async fn handle(&self, batch: &[Received<ConnectUser>]) -> Result<Vec<Outcome<()>>, Failure> {
        // A user may arrive on several gateways at once: one after another, so that one of them is the first.
        let mut waves: Vec<HashMap<_, &Received<ConnectUser>>> = Vec::new();
        for one in batch {
            match waves.iter_mut().find(|wave| !wave.contains_key(&one.actor.user_id)) {
                Some(wave) => drop(wave.insert(one.actor.user_id, one)),
                None => waves.push(HashMap::from([(one.actor.user_id, one)])),
            }
        }
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let mut shown = Vec::new();
        for wave in waves {
            let arrivals: Vec<_> = wave
                .into_values()
                .map(|one| Arriving {
                    user: one.actor.user_id,
                    name: &one.actor.name,
                    gateway: one.command.gateway_id,
                    by: one.id,
                    at: one.stamped_at,
                })
                .collect();
            shown.extend(presence::arrive(&mut db, &arrivals).await?);
        }
        db.commit().await.map_err(StoreError::from)?;
        let mut announcements = announce(&self.0, &shown).await?;
        let outcome = |one: &Received<ConnectUser>| {
            let mut outcome = Outcome::done(());
            outcome.outbound = announcements.remove(&one.actor.user_id).unwrap_or_default();
            outcome
        };
        Ok(batch.iter().map(outcome).collect())
    }
}
