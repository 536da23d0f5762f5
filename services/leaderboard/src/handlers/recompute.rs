//! `leaderboard-update`: counts everything anew from the results, some people at a time. Whoever's results are graded meanwhile
//! waits for their own part at the most. What is shown stays as it is until that is done, and then changes all at once.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::leaderboard::{Recomputed, StandingsChanged, UpdateLeaderboard};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::{Connection as _, PgConnection};
use time::Duration;
use uuid::Uuid;

use crate::context::Context;
use crate::store::{entries, people, results};

/// How long it is known what a recomputation found.
const KEPT: Duration = Duration::days(7);

/// How many people are counted in one transaction: some hundredths of a second.
const PART: usize = 200;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = UpdateLeaderboard;

    async fn handle(&self, batch: &[Received<UpdateLeaderboard>]) -> Result<Vec<Outcome<Recomputed>>, Failure> {
        one_by_one(batch, |one| recompute(&self.0, one)).await
    }
}

async fn recompute(context: &Context, one: &Received<UpdateLeaderboard>) -> Result<Outcome<Recomputed>, Failure> {
    if !one.actor.role.is_admin() && !mutant!("board-recomputed-by-anybody") {
        return Ok(Outcome::refused(ErrorBody::new(code::FORBIDDEN, "Only admins may do this")));
    }
    let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
    let repaired = match results::recomputed(&mut db, one.id).await?.filter(|_| !mutant!("board-recomputed-again")) {
        Some(repaired) => repaired,
        None => {
            // Whoever's first result comes meanwhile is counted by that.
            let everybody = results::everybody(&mut db).await?;
            for part in everybody.chunks(PART) {
                let mut db = db.begin().await.map_err(StoreError::from)?;
                recompute_part(context, one, part, &mut db).await?;
                let committed = db.commit().await.map_err(StoreError::from);
                mutant!("board-failed-commit-ignored", (), committed?);
            }
            let repaired = results::note_recomputed(&mut db, one.id, (one.stamped_at, one.stamped_at - KEPT)).await?;
            tracing::info!(repaired, "boards were recomputed from the results");
            repaired
        }
    };
    // However many changed: each replica reads them all.
    let reload = StandingsChanged { standings: Vec::new(), people: Vec::new(), is_reload: true };
    let recomputed = Recomputed { repaired: repaired.unsigned_abs() };
    Ok(Outcome::done(recomputed).and(Outbound::event(&reload)?))
}

/// Nothing is counted for these people meanwhile, so that nothing is counted twice or not at all.
async fn recompute_part(
    context: &Context,
    one: &Received<UpdateLeaderboard>,
    part: &[Uuid],
    db: &mut PgConnection,
) -> Result<(), StoreError> {
    let unknown = people::hold_all(db, part).await?;
    let standings = entries::count_all(db, &context.settings.time_zone, part).await?;
    people::forget(db, &unknown).await?;
    let repaired = i32::try_from(standings.len()).unwrap_or(i32::MAX);
    results::note_repaired(db, one.id, one.stamped_at, repaired).await
}
