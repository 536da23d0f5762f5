//! Somebody's first socket on a gateway.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::ConnectUser;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{announce, word};
use crate::store::newest;
use crate::store::presence::{self, Arriving};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ConnectUser;

    async fn handle(&self, batch: &[Received<ConnectUser>]) -> Result<Vec<Outcome<()>>, Failure> {
        // A user may arrive on several gateways at once: one after another, so that one of them is the first.
        let mut waves: Vec<HashMap<_, (&Received<ConnectUser>, bool)>> = Vec::new();
        let said: Vec<_> = batch
            .iter()
            .map(|one| word(one, Some(one.command.gateway_id), presence::subject(one.actor.user_id)))
            .collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        for arrival in batch.iter().zip(newest::note(&mut db, &said).await?) {
            let user = arrival.0.actor.user_id;
            match waves.iter_mut().find(|wave| !wave.contains_key(&user)) {
                Some(wave) => drop(wave.insert(user, arrival)),
                None => waves.push(HashMap::from([(user, arrival)])),
            }
        }
        let mut shown = Vec::new();
        for wave in waves {
            let (arriving, known): (Vec<_>, Vec<_>) = wave.into_values().partition(|(_, is_news)| *is_news);
            let arrivals = |of: Vec<(_, bool)>| of.into_iter().map(|(one, _)| arriving_of(one)).collect::<Vec<_>>();
            shown.extend(presence::arrive(&mut db, &arrivals(arriving)).await?);
            mutant!("presence-repeat-not-told-again", continue);
            shown.extend(presence::arrived(&mut db, &arrivals(known)).await?);
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

fn arriving_of(one: &Received<ConnectUser>) -> Arriving<'_> {
    Arriving {
        user: one.actor.user_id,
        name: &one.actor.name,
        gateway: one.command.gateway_id,
        by: one.id,
        at: one.stamped_at,
    }
}
