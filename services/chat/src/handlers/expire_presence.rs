//! Somebody has been gone for long enough to be announced, unless they are back.

use std::collections::HashMap;
use std::time::Duration;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::ExpirePresence;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::announce;
use crate::store::presence::{self, Leaving};
use crate::store::room_sockets;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExpirePresence;

    async fn handle(&self, batch: &[Received<ExpirePresence>]) -> Result<Vec<Outcome<()>>, Failure> {
        let grace = Duration::from_millis(self.0.settings.presence_grace_ms);
        // Of several about one user the last one counts: whoever was gone before it was is offline.
        let leaving = |one: &Received<ExpirePresence>| {
            let user = one.command.user_id;
            (user, Leaving { user, by: one.id, until: one.stamped_at - grace })
        };
        let leaving: HashMap<_, _> = batch.iter().map(leaving).collect();
        let leaving: Vec<_> = leaving.into_values().collect();
        let users: Vec<_> = leaving.iter().map(|one| one.user.0).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let gone = presence::expire(&mut db, &leaving).await?;
        room_sockets::forget(&mut db, &users).await?;
        db.commit().await.map_err(StoreError::from)?;
        let mut announcements = announce(&self.0, &gone).await?;
        let outcome = |one: &Received<ExpirePresence>| {
            let mut outcome = Outcome::done(());
            if gone.iter().any(|shown| shown.by == Some(one.id)) {
                outcome.outbound = announcements.remove(&one.command.user_id).unwrap_or_default();
            }
            outcome
        };
        Ok(batch.iter().map(outcome).collect())
    }
}
