//! `exam-answer`: keeps one answer, in the order in which the broker stored them.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::{ExamAnswerSaved, SaveAnswer};
use sinaesta_contracts::exam_grading::AnswerSource;
use sinaesta_contracts::{ErrorBody, ExamId, Timestamp};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::deciding::{Batch, Decision, all_new, used_twice};
use crate::domain::question::fitting;
use crate::domain::session::{Change, Session};
use crate::handlers::{distinct_sessions, not_found, not_joined, question, to_proctors, with_last};
use crate::papers::Paper;
use crate::store::answers::Stored;
use crate::store::sessions::Key;
use crate::store::{answers, sessions};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SaveAnswer;

    async fn handle(&self, received: &[Received<SaveAnswer>]) -> Result<Vec<Outcome<ExamAnswerSaved>>, Failure> {
        let batch = Batch::new(received)?;
        let exams: Vec<_> = batch.commands().iter().map(|one| one.command.exam_id).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let papers = self.0.papers.load(&mut db, exams.iter().copied()).await?;
        let mut known = sessions::hold(&mut db, batch.commands().iter().map(|one| key(one))).await?;
        let ids: Vec<_> = batch.commands().iter().map(|one| one.id).collect();
        let stored = answers::stored(&mut db, &ids).await?;
        let mut changes = Vec::with_capacity(ids.len());
        let mut decided = Vec::with_capacity(ids.len());
        for one in batch.commands() {
            decided.push(decide(one, &papers, &mut known, &stored, &mut changes)?);
        }
        all_new(answers::append(&mut db, &changes).await?, changes.len(), "answers")?;
        let saved = batch.commands().iter().zip(&decided).filter(|(_, decision)| decision.done().is_some());
        let changed = distinct_sessions(saved.filter_map(|(one, _)| known.get(&key(one))));
        sessions::save(&mut db, &changed).await?;
        let proctors = to_proctors(&mut db, &changed, batch.stamped_at()).await?;
        let commit = db.commit();
        mutant!("exam-answer-before-its-commit", drop(tokio::spawn(commit)), commit.await.map_err(StoreError::from)?);
        let mut outcomes: Vec<_> = decided.iter().map(|one| Outcome::from(one.answer(Clone::clone))).collect();
        with_last(&mut outcomes, &exams, proctors);
        batch.answer(outcomes)
    }
}

fn key(one: &Received<SaveAnswer>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

fn decide(
    one: &Received<SaveAnswer>,
    papers: &HashMap<ExamId, Paper>,
    known: &mut HashMap<Key, Session>,
    stored: &HashMap<Uuid, Stored>,
    changes: &mut Vec<Change>,
) -> Result<Decision<ExamAnswerSaved>, Failure> {
    let SaveAnswer { exam_id, question_index, .. } = one.command;
    let Some(paper) = papers.get(&exam_id) else { return Ok(Decision::Refused(not_found())) };
    let Some(session) = known.get_mut(&key(one)) else { return Ok(Decision::Refused(not_joined())) };
    let saved = |answer, at| ExamAnswerSaved { exam_id, question_index, answer, timestamp: Timestamp(at) };
    // A repeat of what was stored is acknowledged again, whatever has happened since.
    if let Some(before) = stored.get(&one.id).filter(|_| !mutant!("exam-repeat-is-decided-anew")) {
        let is_this = before.session_id == session.id
            && before.question_index == question_index
            && before.source == AnswerSource::Answer;
        let repeat = || Decision::Repeat(saved(before.answer.clone(), before.given_at));
        return is_this.then(repeat).ok_or_else(|| used_twice(one.id));
    }
    let change = give(one, paper, session);
    Ok(Decision::from(change.map(|change| {
        let done = Decision::Done(saved(change.answer.clone(), change.given_at));
        changes.push(change);
        done
    })))
}

/// Adds the answer to its session's record, if the rules allow it.
fn give(one: &Received<SaveAnswer>, paper: &Paper, session: &mut Session) -> Result<Change, ErrorBody> {
    let SaveAnswer { question_index, ref answer, .. } = one.command;
    let question = question(paper, question_index, "questionIndex")?;
    let answer = answer.clone().map(|answer| fitting(question, answer)).transpose()?;
    session.accepts(one.stamped_at)?;
    session.check_room(1)?;
    Ok(session.give(question_index, answer, AnswerSource::Answer, one.stamped_at, one.id))
}
