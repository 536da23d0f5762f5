//! `leaderboard-update`: counts everything anew from the results. Boards stay as they are until that is done, and then
//! change all at once.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::leaderboard::{Recomputed, StandingsChanged, UpdateLeaderboard};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_store::StoreError;
use time::Duration;

use crate::Context;
use crate::store::{entries, results};

/// How long it is known what a recomputation found.
const KEPT: Duration = Duration::days(7);

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = UpdateLeaderboard;

    async fn handle(&self, batch: &[Received<UpdateLeaderboard>]) -> Result<Vec<Outcome<Recomputed>>, Failure> {
        one_by_one(batch, |one| recompute(&self.0, one)).await
    }
}

async fn recompute(context: &Context, one: &Received<UpdateLeaderboard>) -> Result<Outcome<Recomputed>, Failure> {
    if !one.actor.role.is_admin() {
        return Ok(Outcome::refused(ErrorBody::new(code::FORBIDDEN, "Only admins may do this")));
    }
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    // Nothing is counted meanwhile, so that nothing is counted twice or not at all.
    results::hold_all(&mut db).await?;
    let repaired = match results::recomputed(&mut db, one.id).await? {
        Some(repaired) => repaired,
        None => {
            let standings = entries::count_all(&mut db, &context.settings.time_zone).await?;
            let repaired = i32::try_from(standings.len()).unwrap_or(i32::MAX);
            results::note_recomputed(&mut db, one.id, (one.stamped_at, one.stamped_at - KEPT), repaired).await?;
            tracing::info!(repaired, "the boards are counted anew");
            repaired
        }
    };
    db.commit().await.map_err(StoreError::from)?;
    // However many changed: each replica reads them all.
    let reload = StandingsChanged { standings: Vec::new(), people: Vec::new(), is_reload: true };
    let recomputed = Recomputed { repaired: repaired.unsigned_abs() };
    Ok(Outcome::done(recomputed).and(Outbound::event(&reload)?))
}
