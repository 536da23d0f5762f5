//! `exam-complete`: hands the exam in. However often it comes, and whatever else completes the session, there is one
//! result, and every caller gets it.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::{CompleteExam, ExamCompleted};
use sinaesta_contracts::exam_grading::CompletionReason;
use sinaesta_contracts::{ErrorBody, ExamId};
use sinaesta_store::StoreError;
use time::Duration;
use uuid::Uuid;

use crate::Context;
use crate::domain::session::{Completion, Session};
use crate::handlers::{not_found, not_joined, to_proctors, with_last};
use crate::papers::Paper;
use crate::store::exams::{self, Hold};
use crate::store::sessions::{self, Key};
use crate::submission::{Told, distinct, submit};

/// Whoever asks again sooner than this gets the acknowledgement alone: the first one's delivery is under way still.
const TOLD_AGAIN_AFTER: Duration = Duration::seconds(5);

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = CompleteExam;

    async fn handle(&self, batch: &[Received<CompleteExam>]) -> Result<Vec<Outcome<ExamCompleted>>, Failure> {
        let context = &self.0;
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let papers = context.papers.load(&mut db, batch.iter().map(|one| one.command.exam_id)).await?;
        exams::hold(&mut db, &distinct(batch.iter().map(|one| one.command.exam_id)), Hold::Shared).await?;
        let mut known = sessions::hold(&mut db, batch.iter().map(key)).await?;
        let mut due = Vec::new();
        let decided: Vec<_> = batch.iter().map(|one| decide(one, &papers, &mut known, &mut due)).collect();
        submit(context, &mut db, &due).await?;
        let completed: Vec<&Session> = known.values().filter(|session| session.completion.is_some()).collect();
        let told = Told::read(&mut db, &completed).await?;
        let changed: Vec<&Session> = due.iter().filter_map(|(session, _)| known.get(&of(session))).collect();
        let proctors = to_proctors(context, &mut db, &changed).await?;
        db.commit().await.map_err(StoreError::from)?;
        // In an exam with very many, the last of those who completed together stands for all of them.
        let last: HashMap<ExamId, Uuid> = due.iter().map(|(session, done)| (session.exam_id, done.by)).collect();
        let outcome = |(one, decided): (&Received<CompleteExam>, Result<(), ErrorBody>)| {
            let session = match decided.map(|()| known.get(&key(one))) {
                Ok(Some(session)) => session,
                Ok(None) => return Ok(Outcome::refused(not_joined())),
                Err(error) => return Ok(Outcome::refused(error)),
            };
            let mut outcome = Outcome::done(told.completed(session)?);
            let Some(done) = session.completion else { return Ok(outcome) };
            if done.by == one.id {
                let is_last = last.get(&session.exam_id).is_none_or(|by| *by == one.id);
                outcome.outbound = told.to_all(session, is_last, context.settings.announce_limit)?;
            } else if one.stamped_at > done.at + TOLD_AGAIN_AFTER {
                outcome.outbound.push(told.to_student(session)?);
            }
            Ok(outcome)
        };
        let outcomes: Result<_, Failure> = batch.iter().zip(decided).map(outcome).collect();
        Ok(with_last(outcomes?, proctors))
    }
}

fn key(one: &Received<CompleteExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

fn of(session: &Session) -> Key {
    (session.exam_id, session.user_id)
}

fn decide(
    one: &Received<CompleteExam>,
    papers: &HashMap<ExamId, Paper>,
    known: &mut HashMap<Key, Session>,
    due: &mut Vec<(Session, Completion)>,
) -> Result<(), ErrorBody> {
    papers.get(&one.command.exam_id).ok_or_else(not_found)?;
    let session = known.get_mut(&key(one)).ok_or_else(not_joined)?;
    if session.completion.is_some() {
        return Ok(());
    }
    let (reason, at) = if session.is_over(one.stamped_at) {
        (CompletionReason::TimeExpired, session.ends_at)
    } else {
        session.accepts(one.stamped_at)?;
        (CompletionReason::Submitted, one.stamped_at.min(session.ends_at))
    };
    let completion = Completion::new(at, one.id, reason);
    session.completion = Some(completion);
    due.push((session.clone(), completion));
    Ok(())
}
