//! `leaderboard-update`: counts everything anew from the results. Boards stay as they are until that is done, and then
//! change all at once.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::leaderboard::{Recomputed, StandingsChanged, UpdateLeaderboard};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::{entries, results};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = UpdateLeaderboard;

    async fn handle(&self, batch: &[Received<UpdateLeaderboard>]) -> Result<Vec<Outcome<Recomputed>>, Failure> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for one in batch {
            outcomes.push(if one.actor.role.is_admin() {
                recompute(&self.0).await?
            } else {
                Outcome::refused(ErrorBody::new(code::FORBIDDEN, "Only admins may do this"))
            });
        }
        Ok(outcomes)
    }
}

async fn recompute(context: &Context) -> Result<Outcome<Recomputed>, Failure> {
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    // Nothing is counted meanwhile, so that nothing is counted twice or not at all.
    results::hold_all(&mut db).await?;
    let standings = entries::count_all(&mut db, &context.settings.time_zone).await?;
    db.commit().await.map_err(StoreError::from)?;
    let repaired = u32::try_from(standings.len()).unwrap_or(u32::MAX);
    tracing::info!(repaired, "the boards are counted anew");
    // However many changed, and even if a repeat finds that none did: each replica reads them all.
    let reload = StandingsChanged { standings: Vec::new(), people: Vec::new(), is_reload: true };
    Ok(Outcome::done(Recomputed { repaired }).and(Outbound::event(&reload)?))
}
