//! A session's time is over: it is completed as its student left it. The command stands behind every answer that
//! counts, because the broker stored it after the grace.

use std::sync::Arc;

use metrics::histogram;
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::ExpireSession;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::deciding::Batch;
use crate::domain::session::Session;
use crate::handlers::{distinct_sessions, to_proctors, with_last};
use crate::store::sessions::Key;
use crate::submission::{Completed, Sitting, Sittings};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExpireSession;

    async fn handle(&self, received: &[Received<ExpireSession>]) -> Result<Vec<Outcome<()>>, Failure> {
        let batch = Batch::new(received)?;
        let keys: Vec<Key> = batch.commands().iter().map(|one| key(one)).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let mut sittings = Sittings::hold(&mut db, &keys).await?;
        let mut completed = Vec::with_capacity(keys.len());
        for one in batch.commands() {
            completed.push(decide(one, &mut sittings)?);
        }
        sittings.store(&mut db).await?;
        let sessions = distinct_sessions(completed.iter().flatten().map(|done| &done.session));
        let proctors = to_proctors(&mut db, &sessions, batch.stamped_at()).await?;
        db.commit().await.map_err(StoreError::from)?;
        for lateness in sittings.lateness() {
            histogram!("exam_deadline_lateness_seconds").record(lateness);
        }
        let mut outcomes: Vec<_> = completed.iter().map(|_| Outcome::done(())).collect();
        sittings.publish(&completed, &mut outcomes, self.0.settings.announce_limit)?;
        let exams: Vec<_> = keys.iter().map(|(exam, _)| *exam).collect();
        with_last(&mut outcomes, &exams, proctors);
        batch.answer(outcomes)
    }
}

fn key(one: &Received<ExpireSession>) -> Key {
    (one.command.exam_id, one.command.user_id)
}

/// What this very command completes, now or before. Nothing if it is not due by its stamp: extended, paused or completed
/// since it was noticed, or noticed too early; while it is due, timers send another one each second.
fn decide(one: &Received<ExpireSession>, sittings: &mut Sittings) -> Result<Option<Arc<Completed>>, Failure> {
    let session = match sittings.get(&key(one)) {
        None => return Ok(None),
        Some(Sitting::Completed(done)) => {
            return Ok(
                (done.completion.by == one.id || mutant!("exam-expiry-told-by-each-replica")).then(|| Arc::clone(done))
            );
        }
        Some(Sitting::Open(session)) => Session::clone(session),
    };
    let due = session.expire(one.stamped_at, one.id);
    due.map(|completion| sittings.complete(session, completion, one.stamped_at)).transpose()
}
