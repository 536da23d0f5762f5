//! `join-exam`: begins a session, or returns to it with everything as it was.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{Answer, Exam, ExamEntered, ExamSession, JoinExam};
use sinaesta_contracts::exam_grading::{SessionBegun, SessionsBegun};
use sinaesta_contracts::{ErrorBody, ExamId, RoomId, SessionId, Timestamp, code};
use sinaesta_store::StoreError;
use time::{Duration, OffsetDateTime};

use crate::Context;
use crate::domain::session::Session;
use crate::handlers::{not_found, to_proctors, with_last};
use crate::papers::Paper;
use crate::store::exams::{ExamRow, Hold};
use crate::store::results::Graded;
use crate::store::sessions::Key;
use crate::store::{answers, exams, results, sessions};
use crate::submission::distinct;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = JoinExam;

    async fn handle(&self, batch: &[Received<JoinExam>]) -> Result<Vec<Outcome<ExamEntered>>, Failure> {
        let context = &self.0;
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        // Nobody moves or extends the exam between its being read and the sessions' being stored.
        let exam_ids = distinct(batch.iter().map(|one| one.command.exam_id));
        exams::hold(&mut db, &exam_ids, Hold::Shared).await?;
        let exams = exams::find(&mut db, &exam_ids).await?;
        let papers = context.papers.load(&mut db, batch.iter().map(|one| one.command.exam_id)).await?;
        let mut known = sessions::hold(&mut db, batch.iter().map(key)).await?;
        let mut new = Vec::new();
        let decided: Vec<_> = batch.iter().map(|one| decide(one, &exams, &mut known, &mut new)).collect();
        let begun: Vec<&Session> = new.iter().filter_map(|key| known.get(key)).collect();
        sessions::insert(&mut db, &begun).await?;
        let ids: Vec<_> = known.values().map(|session| session.id.0).collect();
        let sheets = answers::latest(&mut db, &ids).await?;
        let graded = results::of_sessions(&mut db, &ids).await?;
        let proctors = to_proctors(context, &mut db, &begun).await?;
        db.commit().await.map_err(StoreError::from)?;
        let snapshots = Snapshots { exams, papers, known, sheets, graded, now: context.clock.now() };
        let outcome = |(one, decided): (&Received<JoinExam>, Result<(), ErrorBody>)| match decided
            .and_then(|()| snapshots.of(&key(one)))
        {
            Ok(entered) => Outcome::done(entered),
            Err(error) => Outcome::refused(error),
        };
        let told = proctors.into_iter().chain(news(batch, &snapshots.known)?).collect();
        Ok(with_last(batch.iter().zip(decided).map(outcome).collect(), told))
    }
}

fn key(one: &Received<JoinExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

fn decide(
    one: &Received<JoinExam>,
    exams: &HashMap<ExamId, ExamRow>,
    known: &mut HashMap<Key, Session>,
    new: &mut Vec<Key>,
) -> Result<(), ErrorBody> {
    let exam = exams.get(&one.command.exam_id).filter(|exam| exam.is_published()).ok_or_else(not_found)?;
    if one.actor.role.is_staff() {
        let text = "Exams are taken by students; watch it with exam-monitor";
        return Err(ErrorBody::new(code::EXAM_STUDENTS_ONLY, text));
    }
    if known.contains_key(&key(one)) {
        return Ok(());
    }
    let student = (one.actor.user_id, one.actor.name.clone(), one.actor.avatar.clone());
    let times = times(exam, one.stamped_at)?;
    let session = Session::new(SessionId(one.id), exam.info.id, student, times, one.stamped_at);
    known.insert(key(one), session);
    new.push(key(one));
    Ok(())
}

/// What other services are told of the sessions that these commands began: a repeat says it again.
fn news(batch: &[Received<JoinExam>], known: &HashMap<Key, Session>) -> Result<Option<Outbound>, Failure> {
    let begun = |one: &Received<JoinExam>| known.get(&key(one)).filter(|session| session.id.0 == one.id);
    let sessions: Vec<_> = batch.iter().filter_map(begun).map(as_begun).collect();
    let (Some(first), Some(last)) = (sessions.first(), sessions.last()) else { return Ok(None) };
    let what = format!("{}-{}.{}", first.session_id, last.session_id, sessions.len());
    Ok(Some(Outbound::event(&SessionsBegun { sessions })?.identified_by(what)))
}

pub(super) fn as_begun(session: &Session) -> SessionBegun {
    SessionBegun {
        exam_id: session.exam_id,
        session_id: session.id,
        user_id: session.user_id,
        started_at: Timestamp(session.started_at),
    }
}

/// From when until when somebody who joins now has time.
fn times(exam: &ExamRow, now: OffsetDateTime) -> Result<(OffsetDateTime, OffsetDateTime), ErrorBody> {
    match (exam.info.scheduled_start, exam.info.scheduled_end) {
        (Some(_), Some(end)) if now >= end.0 => Err(ErrorBody::new(code::EXAM_OVER, "This exam has ended")),
        (Some(start), Some(end)) => Ok((start.0.max(now), end.0)),
        _ => Ok((now, now + Duration::minutes(i64::from(exam.info.duration_minutes)))),
    }
}

/// What those who join get.
struct Snapshots {
    exams: HashMap<ExamId, ExamRow>,
    papers: HashMap<ExamId, Paper>,
    known: HashMap<Key, Session>,
    sheets: HashMap<SessionId, Vec<Option<Answer>>>,
    graded: HashMap<SessionId, Graded>,
    now: OffsetDateTime,
}

impl Snapshots {
    fn of(&self, key: &Key) -> Result<ExamEntered, ErrorBody> {
        let (Some(exam), Some(paper), Some(session)) =
            (self.exams.get(&key.0), self.papers.get(&key.0), self.known.get(key))
        else {
            return Err(not_found());
        };
        // Whatever its status: one that is paused before it begins has its questions no sooner.
        let questions = if self.now < session.started_at { Vec::new() } else { paper.to_vec() };
        let mut answers = self.sheets.get(&session.id).cloned().unwrap_or_default();
        answers.resize(paper.len(), None);
        Ok(ExamEntered {
            exam_id: key.0,
            exam: Exam { info: exam.info.clone(), questions },
            session: ExamSession {
                id: session.id,
                exam_id: key.0,
                user_id: key.1,
                room_id: RoomId::from(key.0),
                current_question: session.current_question,
                answers,
                time_remaining: session.time_remaining(self.now),
                status: session.status(self.now),
                last_activity: Timestamp(session.last_activity),
                started_at: Timestamp(session.started_at),
                completed_at: session.completion.map(|completion| Timestamp(completion.at)),
                ends_at: Timestamp(session.ends_at),
            },
            result: self.graded.get(&session.id).map(|graded| graded.result.clone()),
            server_time: Timestamp(self.now),
        })
    }
}
