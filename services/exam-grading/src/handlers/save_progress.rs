//! `exam-progress`: keeps where the student is, and whatever the client has that is new.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::{Answer, ExamProgressSaved, SaveProgress};
use sinaesta_contracts::exam_grading::AnswerSource;
use sinaesta_contracts::{ErrorBody, ExamId, SessionId, Timestamp, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::deciding::{Batch, Decision, all_new, used_twice};
use crate::domain::question::fitting;
use crate::domain::session::{Change, Session, is_news};
use crate::handlers::{distinct_sessions, not_found, not_joined, question, to_proctors, with_last};
use crate::papers::Paper;
use crate::store::autosaves::Autosave;
use crate::store::sessions::Key;
use crate::store::{answers, autosaves, sessions};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SaveProgress;

    async fn handle(&self, received: &[Received<SaveProgress>]) -> Result<Vec<Outcome<ExamProgressSaved>>, Failure> {
        let batch = Batch::new(received)?;
        let exams: Vec<_> = batch.commands().iter().map(|one| one.command.exam_id).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let papers = self.0.papers.load(&mut db, exams.iter().copied()).await?;
        let mut known = sessions::hold(&mut db, batch.commands().iter().map(|one| key(one))).await?;
        let of: Vec<_> = known.values().map(|session| session.id.0).collect();
        let mut histories = answers::history(&mut db, &of).await?;
        let ids: Vec<_> = batch.commands().iter().map(|one| one.id).collect();
        let stored = autosaves::stored(&mut db, &ids).await?;
        let (mut changes, mut new) = (Vec::new(), Vec::with_capacity(ids.len()));
        let mut decided = Vec::with_capacity(ids.len());
        for one in batch.commands() {
            let decision = decide(one, &papers, &mut known, &mut histories, &stored)?;
            if let Decision::Done(saved) = &decision {
                new.push(saved.autosave);
                changes.extend(saved.changes.iter().cloned());
            }
            decided.push(decision);
        }
        all_new(answers::append(&mut db, &changes).await?, changes.len(), "answers")?;
        all_new(autosaves::insert(&mut db, &new).await?, new.len(), "autosaves")?;
        let saved = batch.commands().iter().zip(&decided).filter(|(_, decision)| decision.done().is_some());
        let changed = distinct_sessions(saved.filter_map(|(one, _)| known.get(&key(one))));
        sessions::save(&mut db, &changed).await?;
        let proctors = to_proctors(&mut db, &changed, batch.stamped_at()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let outcome = |(one, decision): (&&Received<SaveProgress>, &Decision<Saved>)| {
            Outcome::from(decision.answer(|saved| ExamProgressSaved {
                exam_id: one.command.exam_id,
                current_question: one.command.current_question,
                time_remaining: saved.autosave.time_remaining,
                timestamp: Timestamp(saved.autosave.saved_at),
            }))
        };
        let mut outcomes: Vec<_> = batch.commands().iter().zip(&decided).map(outcome).collect();
        with_last(&mut outcomes, &exams, proctors);
        batch.answer(outcomes)
    }
}

fn key(one: &Received<SaveProgress>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

/// An autosave that is applied, and the answers that came by it.
struct Saved {
    autosave: Autosave,
    changes: Vec<Change>,
}

fn decide(
    one: &Received<SaveProgress>,
    papers: &HashMap<ExamId, Paper>,
    known: &mut HashMap<Key, Session>,
    histories: &mut HashMap<SessionId, Vec<Change>>,
    stored: &HashMap<Uuid, Autosave>,
) -> Result<Decision<Saved>, Failure> {
    let Some(paper) = papers.get(&one.command.exam_id) else { return Ok(Decision::Refused(not_found())) };
    let Some(session) = known.get_mut(&key(one)) else { return Ok(Decision::Refused(not_joined())) };
    let history = histories.entry(session.id).or_default();
    // A repeat of what was applied is acknowledged again, whatever has happened since.
    if let Some(before) = before(one, session, history, stored)? {
        return Ok(Decision::Repeat(Saved { autosave: before, changes: Vec::new() }));
    }
    Ok(Decision::from(save(one, paper, session, history).map(Decision::Done)))
}

/// This very autosave, if it was applied before.
fn before(
    one: &Received<SaveProgress>,
    session: &Session,
    history: &[Change],
    stored: &HashMap<Uuid, Autosave>,
) -> Result<Option<Autosave>, Failure> {
    if let Some(before) = stored.get(&one.id).filter(|_| !mutant!("exam-autosave-comes-again-and-counts")) {
        return if before.session_id == session.id { Ok(Some(*before)) } else { Err(used_twice(one.id)) };
    }
    // The version before noted the latest ones with their session, and no more of others than their answers.
    let given = history.iter().find(|change| change.by == one.id);
    if given.is_some_and(|change| change.source != AnswerSource::Progress) {
        return Err(used_twice(one.id));
    }
    let is_noted = given.is_some() || session.recent_progress.contains(one.id);
    let saved_at = given.map_or(one.stamped_at, |change| change.given_at);
    Ok(is_noted.then(|| autosave(one, session, saved_at)))
}

fn autosave(one: &Received<SaveProgress>, session: &Session, saved_at: time::OffsetDateTime) -> Autosave {
    Autosave { id: one.id, session_id: session.id, saved_at, time_remaining: session.time_remaining(saved_at) }
}

/// Applies an autosave, if the rules allow it.
fn save(
    one: &Received<SaveProgress>,
    paper: &Paper,
    session: &mut Session,
    history: &mut Vec<Change>,
) -> Result<Saved, ErrorBody> {
    let SaveProgress { current_question, ref answers, .. } = one.command;
    question(paper, current_question, "currentQuestion")?;
    let entries = checked(paper, answers)?;
    session.accepts(one.stamped_at)?;
    let of = |index| history.iter().filter(move |change: &&Change| change.question_index == index);
    let news: Vec<_> =
        entries.into_iter().filter(|(index, answer)| is_news(answer, one.stamped_at, of(*index))).collect();
    session.check_room(news.len())?;
    session.check_autosaves()?;
    session.save_progress(current_question, one.stamped_at);
    let give = |(index, answer)| session.give(index, Some(answer), AnswerSource::Progress, one.stamped_at, one.id);
    let changes: Vec<Change> = news.into_iter().map(give).collect();
    history.extend(changes.iter().cloned());
    Ok(Saved { autosave: autosave(one, session, one.stamped_at), changes })
}

/// The entries that are answers, all of which fit their questions.
fn checked(paper: &Paper, answers: &[Option<Answer>]) -> Result<Vec<(u16, Answer)>, ErrorBody> {
    if answers.len() > paper.len() {
        let text = format!("answers must not be longer than {}, the number of questions", paper.len());
        return Err(ErrorBody::new(code::EXAM_INVALID_ANSWER, text).on_field("answers"));
    }
    let answered = paper.iter().zip(answers).filter_map(|(question, answer)| Some((question, answer.clone()?)));
    answered
        .map(|(question, answer)| match fitting(question, answer) {
            Ok(answer) => Ok((question.index, answer)),
            Err(error) => Err(error.on_field(format!("answers[{}]", question.index))),
        })
        .collect()
}
