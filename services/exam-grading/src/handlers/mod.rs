//! One file for each thing that can be asked of the service: load, decide, write in one transaction, say what came of it.

mod applied;
mod authoring;
pub mod complete_exam;
pub mod create_exam;
pub mod enter_exam;
pub mod exit_exam;
pub mod expire_session;
pub mod extend_exam;
pub mod find_sessions;
mod intervening;
pub mod join_exam;
pub mod list_exams;
pub mod list_results;
pub mod lose_participants;
pub mod monitor_exam;
pub mod pause_exam;
pub mod publish_exam;
pub mod read_exam;
pub mod read_my_record;
pub mod read_my_result;
pub mod regrade_exam;
pub mod replace_questions;
pub mod resume_exam;
pub mod retell_exams;
pub mod save_answer;
pub mod save_progress;
pub mod schedule_exam;
pub mod set_authors;
pub mod start_exam;

use std::collections::{BTreeMap, HashSet};

use sinaesta_bus::{Failure, Outbound, Outcome, one_by_one};
use sinaesta_contracts::exam::Question;
use sinaesta_contracts::exam_authoring::{ExamDetails, ExamScheduled, ExamStatus, ExamSummary};
use sinaesta_contracts::proctoring::{ExamMonitorUpdate, MonitoredParticipant};
use sinaesta_contracts::{Actor, Audience, ErrorBody, ExamId, Timestamp, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::session::Session;
use crate::store::exams::ExamRow;
use crate::store::monitor::{self, Standing};
use crate::store::sessions::{self, Key};
use crate::store::{exams, questions};

/// Mentors and admins only.
fn check_staff(actor: &Actor) -> Result<(), ErrorBody> {
    if actor.role.is_staff() {
        return Ok(());
    }
    Err(ErrorBody::new(code::FORBIDDEN, "Only mentors and admins may do this"))
}

fn not_found() -> ErrorBody {
    ErrorBody::new(code::EXAM_NOT_FOUND, "There is no such exam").on_field("examId")
}

fn not_joined() -> ErrorBody {
    ErrorBody::new(code::EXAM_NOT_JOINED, "Join the exam first").on_field("examId")
}

/// The question that an index names.
fn question<'p>(paper: &'p [Question], index: u16, field: &str) -> Result<&'p Question, ErrorBody> {
    paper.get(usize::from(index)).ok_or_else(|| {
        let text = format!("{field} must be less than {}, the number of questions", paper.len());
        ErrorBody::new(code::EXAM_INVALID_QUESTION, text).on_field(field)
    })
}

/// Refuses those who don't write an exam.
fn check_writer(exam: &ExamRow, actor: &Actor) -> Result<(), ErrorBody> {
    if exam.is_written_by(actor) || mutant!("exam-changed-by-any-mentor") {
        return Ok(());
    }
    let text = "Only its author, those whom the author named, and admins may change an exam";
    Err(ErrorBody::new(code::FORBIDDEN, text))
}

/// Whether somebody sits an exam right now: one who became a mentor or an admin meanwhile goes on as a student in it.
async fn is_sitting(db: &mut PgConnection, exam: ExamId, actor: &Actor) -> Result<bool, StoreError> {
    let session = sessions::find(db, (exam, actor.user_id)).await?;
    Ok(session.is_some_and(|session| session.completion.is_none()))
}

/// Refuses those who sit the exam that they would change.
async fn check_not_sitting(
    db: &mut PgConnection,
    exam: ExamId,
    actor: &Actor,
) -> Result<Result<(), ErrorBody>, StoreError> {
    if !is_sitting(db, exam, actor).await? {
        return Ok(Ok(()));
    }
    let text = "Nobody changes an exam while they sit it: hand it in first";
    Ok(Err(ErrorBody::new(code::FORBIDDEN, text)))
}

/// An exam that `actor` may know of: a draft is for those who write it.
async fn visible(db: &mut PgConnection, id: ExamId, actor: &Actor) -> Result<Result<ExamRow, ErrorBody>, StoreError> {
    let found = exams::find(db, &[id.0]).await?.remove(&id);
    Ok(found
        .filter(|exam| {
            exam.is_published()
                || (actor.role.is_staff() && (exam.is_written_by(actor) || mutant!("exam-drafts-of-others")))
        })
        .ok_or_else(not_found))
}

/// An exam as its authors see it; with its questions and their keys if `with_key`.
async fn details(db: &mut PgConnection, exam: ExamRow, with_key: bool) -> Result<ExamDetails, StoreError> {
    let questions = match with_key {
        true => questions::load(db, &[exam.info.id.0]).await?.remove(&exam.info.id).unwrap_or_default().into(),
        false => None,
    };
    let (author, co_authors) = (with_key.then_some(exam.author), with_key.then(|| exam.co_authors.clone()));
    Ok(ExamDetails { key_version: exam.key_version, summary: summary(exam), author, co_authors, questions })
}

fn summary(exam: ExamRow) -> ExamSummary {
    ExamSummary { info: exam.info, status: exam.status, created_at: Timestamp(exam.created_at) }
}

/// A session as proctors see it at a moment.
fn seen(session: &Session, standing: Option<&Standing>, at: OffsetDateTime) -> MonitoredParticipant {
    MonitoredParticipant {
        user_id: session.user_id,
        user_name: session.user_name.clone(),
        status: session.status(at),
        is_connected: standing.is_some_and(|standing| standing.is_connected),
        current_question: session.current_question,
        answered_count: session.answered.count(),
        time_remaining: session.time_remaining(at),
        last_activity: Timestamp(session.last_activity),
        ends_at: Timestamp(session.ends_at),
        score: standing.and_then(|standing| standing.score),
    }
}

/// Each session once, in their order.
fn distinct_sessions<'s>(sessions: impl Iterator<Item = &'s Session>) -> Vec<&'s Session> {
    let mut seen = HashSet::new();
    sessions.filter(|session| seen.insert(session.id)).collect()
}

/// What the proctors of each exam are told of these sessions as they are at a moment: one delivery for each exam, however
/// many changed.
async fn to_proctors(
    db: &mut PgConnection,
    changed: &[&Session],
    at: OffsetDateTime,
) -> Result<BTreeMap<ExamId, Outbound>, Failure> {
    if changed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<_> = changed.iter().map(|session| session.id.0).collect();
    let standings = monitor::standings(db, &ids).await?;
    let mut by_exam: BTreeMap<ExamId, Vec<MonitoredParticipant>> = BTreeMap::new();
    for session in changed {
        by_exam.entry(session.exam_id).or_default().push(seen(session, standings.get(&session.id), at));
    }
    let deliver = |(exam_id, participants)| {
        let update = ExamMonitorUpdate { exam_id, participants, server_time: Timestamp(at) };
        Ok((exam_id, Outbound::deliver(Audience::Proctors(exam_id), &update)?))
    };
    by_exam.into_iter().map(deliver).collect()
}

/// The same of these students' sessions, as they are stored: nothing is held for it.
async fn proctors_of(
    db: &mut PgConnection,
    keys: &[Key],
    at: OffsetDateTime,
) -> Result<BTreeMap<ExamId, Outbound>, Failure> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sessions = sessions::of(db, keys.iter().copied()).await?;
    to_proctors(db, &sessions.iter().collect::<Vec<_>>(), at).await
}

/// An exam as its author gets it; other services hear of one that students can take and that has a moment.
fn told(answer: Result<ExamDetails, ErrorBody>, at: OffsetDateTime) -> Result<Outcome<ExamDetails>, Failure> {
    let info = answer.as_ref().ok().filter(|exam| exam.summary.status == ExamStatus::Published);
    let scheduled = info.and_then(|exam| {
        let info = &exam.summary.info;
        Some(ExamScheduled {
            exam_id: info.id,
            exam_title: info.title.clone(),
            specialty: info.specialty.clone(),
            scheduled_start: info.scheduled_start?,
            decided_at: Timestamp(at),
        })
    });
    let mut outcome = Outcome::from(answer);
    outcome.outbound.extend(scheduled.map(|event| Outbound::event(&event)).transpose()?);
    Ok(outcome)
}

/// Publishes with the last command of each exam what its proctors are told.
fn with_last<R>(outcomes: &mut [Outcome<R>], exams: &[ExamId], mut proctors: BTreeMap<ExamId, Outbound>) {
    mutant!("exam-proctors-hear-nothing", return);
    for (outcome, exam) in outcomes.iter_mut().zip(exams).rev() {
        outcome.outbound.extend(proctors.remove(exam));
    }
}
