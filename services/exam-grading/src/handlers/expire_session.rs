//! A session's time is over: it is completed as its student left it. The command stands behind every answer that
//! counts, because the broker stored it after the grace.

use std::collections::HashMap;

use metrics::histogram;
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::ExamId;
use sinaesta_contracts::exam::ExpireSession;
use sinaesta_contracts::exam_grading::CompletionReason;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::domain::session::{Completion, Session};
use crate::handlers::{to_proctors, with_last};
use crate::store::exams::{self, Hold};
use crate::store::sessions::{self, Key};
use crate::submission::{Told, distinct, submit};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExpireSession;

    async fn handle(&self, batch: &[Received<ExpireSession>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        exams::hold(&mut db, &distinct(batch.iter().map(|one| one.command.exam_id)), Hold::Shared).await?;
        let mut known = sessions::hold(&mut db, batch.iter().map(key)).await?;
        let mut due = Vec::new();
        for one in batch {
            due.extend(known.get_mut(&key(one)).and_then(|session| expire(session, one)));
        }
        submit(context, &mut db, &due).await?;
        // Those that this very command completed: a repeat says again what it said.
        let mine = |one: &Received<ExpireSession>| {
            known.get(&key(one)).filter(|session| session.completion.is_some_and(|done| done.by == one.id))
        };
        let completed: Vec<&Session> = batch.iter().filter_map(mine).collect();
        let told = Told::read(&mut db, &completed).await?;
        let proctors = to_proctors(context, &mut db, &completed).await?;
        db.commit().await.map_err(StoreError::from)?;
        for (session, _) in &due {
            histogram!("exam_deadline_lateness_seconds").record(session.lateness(context.clock.now()));
        }
        let last: HashMap<ExamId, Uuid> = due.iter().map(|(session, done)| (session.exam_id, done.by)).collect();
        let outcome = |one: &Received<ExpireSession>| {
            let mut outcome = Outcome::done(());
            if let Some(session) = mine(one) {
                let is_last = last.get(&session.exam_id).is_none_or(|by| *by == one.id);
                outcome.outbound = told.to_all(session, is_last, context.settings.announce_limit)?;
            }
            Ok(outcome)
        };
        let outcomes: Result<_, Failure> = batch.iter().map(outcome).collect();
        Ok(with_last(outcomes?, proctors))
    }
}

fn key(one: &Received<ExpireSession>) -> Key {
    (one.command.exam_id, one.command.user_id)
}

fn expire(session: &mut Session, one: &Received<ExpireSession>) -> Option<(Session, Completion)> {
    // Extended, paused or completed since it was noticed.
    if session.completion.is_some() || !session.is_over(one.stamped_at) {
        return None;
    }
    let completion = Completion::new(session.ends_at, one.id, CompletionReason::TimeExpired);
    session.completion = Some(completion);
    Some((session.clone(), completion))
}
