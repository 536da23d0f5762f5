//! `exam-progress`: keeps where the student is, and whatever the client has that is new.

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::{Answer, ExamProgressSaved, SaveProgress};
use sinaesta_contracts::exam_grading::AnswerSource;
use sinaesta_contracts::{ErrorBody, ExamId, SessionId, Timestamp, code};
use sinaesta_store::StoreError;
use time::OffsetDateTime;

use crate::Context;
use crate::domain::question::fitting;
use crate::domain::session::{Change, Session, is_news};
use crate::handlers::{not_found, not_joined, question, to_proctors, with_last};
use crate::papers::Paper;
use crate::store::sessions::Key;
use crate::store::{answers, sessions};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SaveProgress;

    async fn handle(&self, batch: &[Received<SaveProgress>]) -> Result<Vec<Outcome<ExamProgressSaved>>, Failure> {
        let context = &self.0;
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let papers = context.papers.load(&mut db, batch.iter().map(|one| one.command.exam_id)).await?;
        let mut known = sessions::hold(&mut db, batch.iter().map(key)).await?;
        let ids: Vec<_> = known.values().map(|session| session.id.0).collect();
        let mut histories = answers::history(&mut db, &ids).await?;
        let now = context.clock.now();
        let mut changes = Vec::new();
        let mut touched = HashSet::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        for one in batch {
            let decided = decide(one, &papers, &mut known, &mut histories, now);
            outcomes.push(match decided {
                Ok((saved, new)) => {
                    touched.insert(key(one));
                    changes.extend(new);
                    Outcome::done(saved)
                }
                Err(error) => Outcome::refused(error),
            });
        }
        answers::append(&mut db, &changes).await?;
        let changed: Vec<&Session> = touched.iter().filter_map(|key| known.get(key)).collect();
        sessions::save(&mut db, &changed).await?;
        let proctors = to_proctors(context, &mut db, &changed).await?;
        db.commit().await.map_err(StoreError::from)?;
        Ok(with_last(outcomes, proctors))
    }
}

fn key(one: &Received<SaveProgress>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

fn decide(
    one: &Received<SaveProgress>,
    papers: &HashMap<ExamId, Paper>,
    known: &mut HashMap<Key, Session>,
    histories: &mut HashMap<SessionId, Vec<Change>>,
    now: OffsetDateTime,
) -> Result<(ExamProgressSaved, Vec<Change>), ErrorBody> {
    let SaveProgress { exam_id, current_question, ref answers, .. } = one.command;
    let paper = papers.get(&exam_id).ok_or_else(not_found)?;
    let session = known.get_mut(&key(one)).ok_or_else(not_joined)?;
    question(paper, current_question, "currentQuestion")?;
    let entries = checked(paper, answers)?;
    let saved = |session: &Session| ExamProgressSaved {
        exam_id,
        current_question,
        time_remaining: session.time_remaining(now),
        timestamp: Timestamp(one.stamped_at),
    };
    // A repeat of what was applied is acknowledged again, whatever has happened since.
    if session.recent_progress.contains(one.id) {
        return Ok((saved(session), Vec::new()));
    }
    session.accepts(one.stamped_at)?;
    let history = histories.entry(session.id).or_default();
    let news: Vec<_> = entries
        .into_iter()
        .filter(|(index, answer)| {
            is_news(answer, one.stamped_at, history.iter().filter(|change| change.question_index == *index))
        })
        .collect();
    session.check_room(news.len())?;
    session.recent_progress.add(one.id);
    session.current_question = current_question;
    session.last_activity = session.last_activity.max(one.stamped_at);
    let give = |(index, answer)| session.give(index, Some(answer), AnswerSource::Progress, one.stamped_at, one.id);
    let new: Vec<Change> = news.into_iter().map(give).collect();
    history.extend(new.iter().cloned());
    Ok((saved(session), new))
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
