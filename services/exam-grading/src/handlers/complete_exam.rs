//! `exam-complete`: hands the exam in. However often it comes, and whatever else completes the session, there is one
//! result, and every caller gets it.

use std::sync::Arc;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::ErrorBody;
use sinaesta_contracts::exam::{CompleteExam, ExamCompleted};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::Duration;

use crate::context::Context;
use crate::deciding::{Batch, Decision};
use crate::domain::session::Session;
use crate::handlers::{distinct_sessions, not_found, not_joined, to_proctors, with_last};
use crate::store::sessions::Key;
use crate::submission::{Completed, Sitting, Sittings};

/// Whoever asks again sooner than this gets the acknowledgement alone: the first one's delivery is under way still.
const TOLD_AGAIN_AFTER: Duration = Duration::seconds(5);

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = CompleteExam;

    async fn handle(&self, received: &[Received<CompleteExam>]) -> Result<Vec<Outcome<ExamCompleted>>, Failure> {
        let batch = Batch::new(received)?;
        let keys: Vec<Key> = batch.commands().iter().map(|one| key(one)).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let mut sittings = Sittings::hold(&mut db, &keys).await?;
        let mut decided = Vec::with_capacity(keys.len());
        for one in batch.commands() {
            decided.push(decide(one, &mut sittings)?);
        }
        sittings.store(&mut db).await?;
        let own = |(one, decision): (&&Received<CompleteExam>, &Decision<Arc<Completed>>)| {
            decision.done().filter(|done| done.completion.by == one.id).map(Arc::clone)
        };
        let completed: Vec<_> = batch.commands().iter().zip(&decided).map(own).collect();
        let sessions = distinct_sessions(completed.iter().flatten().map(|done| &done.session));
        let proctors = to_proctors(&mut db, &sessions, batch.stamped_at()).await?;
        let committed = db.commit().await.map_err(StoreError::from);
        mutant!("exam-failed-commit-of-a-completion-ignored", (), committed?);
        let mut outcomes: Vec<_> = decided.iter().map(|one| Outcome::from(one.answer(|done| done.event()))).collect();
        sittings.publish(&completed, &mut outcomes, self.0.settings.announce_limit)?;
        for ((one, decision), outcome) in batch.commands().iter().zip(&decided).zip(&mut outcomes) {
            let by_another = decision.done().filter(|done| done.completion.by != one.id);
            if let Some(done) = by_another.filter(|done| one.stamped_at > done.completion.at + TOLD_AGAIN_AFTER) {
                outcome.outbound.push(done.to_student()?);
            }
        }
        let exams: Vec<_> = keys.iter().map(|(exam, _)| *exam).collect();
        with_last(&mut outcomes, &exams, proctors);
        batch.answer(outcomes)
    }
}

fn key(one: &Received<CompleteExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

/// A session that is completed already, by this command or by another, has the result that all get.
fn decide(one: &Received<CompleteExam>, sittings: &mut Sittings) -> Result<Decision<Arc<Completed>>, Failure> {
    let refused = |error: ErrorBody| Ok(Decision::Refused(error));
    if sittings.published(one.command.exam_id).is_none() {
        return refused(not_found());
    }
    let session = match sittings.get(&key(one)) {
        None => return refused(not_joined()),
        Some(Sitting::Completed(done)) => return Ok(Decision::Repeat(Arc::clone(done))),
        Some(Sitting::Open(session)) => Session::clone(session),
    };
    match session.hand_in(one.stamped_at, one.id) {
        Ok(completion) => Ok(Decision::Done(sittings.complete(session, completion, one.stamped_at)?)),
        Err(error) => refused(error),
    }
}
