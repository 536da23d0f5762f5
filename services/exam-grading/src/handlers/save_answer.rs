//! `exam-answer`: keeps one answer, in the order in which the broker stored them.

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::{ExamAnswerSaved, SaveAnswer};
use sinaesta_contracts::exam_grading::AnswerSource;
use sinaesta_contracts::{ErrorBody, ExamId, Timestamp};
use sinaesta_store::StoreError;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Context;
use crate::domain::question::fitting;
use crate::domain::session::{Change, Session};
use crate::handlers::{not_found, not_joined, question, to_proctors, with_last};
use crate::papers::Paper;
use crate::store::sessions::Key;
use crate::store::{answers, sessions};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SaveAnswer;

    async fn handle(&self, batch: &[Received<SaveAnswer>]) -> Result<Vec<Outcome<ExamAnswerSaved>>, Failure> {
        let context = &self.0;
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let papers = context.papers.load(&mut db, batch.iter().map(|one| one.command.exam_id)).await?;
        let mut known = sessions::hold(&mut db, batch.iter().map(key)).await?;
        let stored = answers::stored(&mut db, &batch.iter().map(|one| one.id).collect::<Vec<_>>()).await?;
        let mut changes = Vec::with_capacity(batch.len());
        let decided: Vec<_> = batch.iter().map(|one| decide(one, &papers, &mut known, &stored, &mut changes)).collect();
        answers::append(&mut db, &changes).await?;
        let touched: HashSet<_> = changes.iter().map(|change| change.session_id).collect();
        let changed: Vec<&Session> = known.values().filter(|session| touched.contains(&session.id)).collect();
        sessions::save(&mut db, &changed).await?;
        let proctors = to_proctors(context, &mut db, &changed).await?;
        db.commit().await.map_err(StoreError::from)?;
        let outcomes = decided.into_iter().map(|decided| match decided {
            Ok(saved) => Outcome::done(saved),
            Err(error) => Outcome::refused(error),
        });
        Ok(with_last(outcomes.collect(), proctors))
    }
}

fn key(one: &Received<SaveAnswer>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

fn decide(
    one: &Received<SaveAnswer>,
    papers: &HashMap<ExamId, Paper>,
    known: &mut HashMap<Key, Session>,
    stored: &HashMap<Uuid, OffsetDateTime>,
    changes: &mut Vec<Change>,
) -> Result<ExamAnswerSaved, ErrorBody> {
    let SaveAnswer { exam_id, question_index, answer } = one.command.clone();
    let paper = papers.get(&exam_id).ok_or_else(not_found)?;
    let session = known.get_mut(&key(one)).ok_or_else(not_joined)?;
    let question = question(paper, question_index, "questionIndex")?;
    let answer = answer.map(|answer| fitting(question, answer)).transpose()?;
    let saved = |answer, at| ExamAnswerSaved { exam_id, question_index, answer, timestamp: Timestamp(at) };
    // A repeat of what was stored is acknowledged again, whatever has happened since.
    if let Some(at) = stored.get(&one.id) {
        return Ok(saved(answer, *at));
    }
    session.accepts(one.stamped_at)?;
    session.check_room(1)?;
    let change = session.give(question_index, answer, AnswerSource::Answer, one.stamped_at, one.id);
    let saved = saved(change.answer.clone(), change.given_at);
    changes.push(change);
    Ok(saved)
}
