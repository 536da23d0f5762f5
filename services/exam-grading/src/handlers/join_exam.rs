//! `join-exam`: begins a session, or returns to it with everything as it was.

use std::collections::{BTreeMap, HashMap};

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{Answer, Exam, ExamEntered, ExamSession, JoinExam};
use sinaesta_contracts::exam_grading::{SessionBegun, SessionsBegun};
use sinaesta_contracts::{ErrorBody, ExamId, RoomId, SessionId, Timestamp, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::context::Context;
use crate::deciding::{Batch, Decision, all_new};
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

    async fn handle(&self, received: &[Received<JoinExam>]) -> Result<Vec<Outcome<ExamEntered>>, Failure> {
        let batch = Batch::new(received)?;
        let keys: Vec<Key> = batch.commands().iter().map(|one| key(one)).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        // Nobody moves or extends the exam between its being read and the sessions' being stored.
        let exam_ids = distinct(keys.iter().map(|(exam, _)| *exam));
        exams::hold(&mut db, &exam_ids, Hold::Shared).await?;
        let rows = exams::find(&mut db, &exam_ids).await?;
        let papers = self.0.papers.load(&mut db, keys.iter().map(|(exam, _)| *exam)).await?;
        let exams = Exams { rows, papers };
        let mut known = sessions::hold(&mut db, keys.iter().copied()).await?;
        begin(&mut db, &batch, &exams, &mut known).await?;
        let decided: Result<Vec<_>, Failure> = batch.commands().iter().map(|one| decide(one, &exams, &known)).collect();
        let decided = decided?;
        let ids: Vec<_> = known.values().map(|session| session.id.0).collect();
        let sheets = answers::latest(&mut db, &ids).await?;
        let graded = results::of_sessions(&mut db, &ids).await?;
        // Those that these very commands begin, now or before: a repeat publishes them again.
        let entered = batch.commands().iter().zip(&decided);
        let own = entered.filter_map(|(one, decision)| Some((one.id, decision.done()?.session)));
        let begun: Vec<_> = own
            .filter(|(id, session)| session.id.0 == *id && !mutant!("exam-begun-not-told-to-proctors"))
            .map(|(_, session)| session)
            .collect();
        let proctors = to_proctors(&mut db, &begun, batch.stamped_at()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let outcome = |(one, decision): (&&Received<JoinExam>, &Decision<Entering<'_>>)| {
            Outcome::from(decision.answer(|entering| {
                let id = entering.session.id;
                entering.snapshot(sheets.get(&id), graded.get(&id), one.stamped_at)
            }))
        };
        let mut outcomes: Vec<_> = batch.commands().iter().zip(&decided).map(outcome).collect();
        with_last(&mut outcomes, &keys.iter().map(|(exam, _)| *exam).collect::<Vec<_>>(), proctors);
        if let Some(last) = outcomes.last_mut() {
            last.outbound.extend(begun_event(&begun)?);
        }
        batch.answer(outcomes)
    }
}

fn key(one: &Received<JoinExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

/// An exam that students can take.
#[derive(Clone, Copy)]
struct Open<'e> {
    exam: &'e ExamRow,
    paper: &'e Paper,
}

/// A student with a session, as they get it.
struct Entering<'e> {
    open: Open<'e>,
    session: &'e Session,
}

/// The published exams of a batch.
struct Exams {
    rows: HashMap<ExamId, ExamRow>,
    papers: HashMap<ExamId, Paper>,
}

impl Exams {
    /// The exam that somebody wants to enter, if students can take it.
    fn open(&self, one: &Received<JoinExam>) -> Result<Open<'_>, ErrorBody> {
        let id = &one.command.exam_id;
        let exam = self
            .rows
            .get(id)
            .filter(|exam| exam.is_published() || mutant!("exam-draft-is-joined"))
            .ok_or_else(not_found)?;
        let paper = self.papers.get(id).ok_or_else(not_found)?;
        Ok(Open { exam, paper })
    }

    /// The session that somebody without one begins, or why they may not.
    fn begin(&self, one: &Received<JoinExam>) -> Result<Session, ErrorBody> {
        let Open { exam, .. } = self.open(one)?;
        check_student(one)?;
        let student = (one.actor.user_id, one.actor.name.clone(), one.actor.avatar.clone());
        let times = times(exam, one.stamped_at)?;
        Ok(Session::new(SessionId(one.id), exam.info.id, student, times, one.stamped_at))
    }
}

fn check_student(one: &Received<JoinExam>) -> Result<(), ErrorBody> {
    if one.actor.role.is_staff() {
        let text = "Exams are taken by students; watch it with exam-monitor";
        return Err(ErrorBody::new(code::EXAM_STUDENTS_ONLY, text));
    }
    Ok(())
}

/// Begins a session for each who may have one and has none. One that another transaction has begun meanwhile, that of a
/// replica which was given up wrongly, is the one that counts.
async fn begin(
    db: &mut PgConnection,
    batch: &Batch<'_, JoinExam>,
    exams: &Exams,
    known: &mut HashMap<Key, Session>,
) -> Result<(), Failure> {
    // In one order, so that two transactions which begin the same sessions don't wait for each other.
    let mut new: BTreeMap<Key, Session> = BTreeMap::new();
    for one in batch.commands().iter().filter(|one| !known.contains_key(&key(one))) {
        if let Ok(session) = exams.begin(one) {
            new.entry(key(one)).or_insert(session);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    if sessions::insert(db, &new.values().collect::<Vec<_>>()).await? < new.len() {
        let stored = sessions::hold(db, new.keys().copied()).await?;
        all_new(stored.len(), new.len(), "sessions")?;
        known.extend(stored);
        return Ok(());
    }
    known.extend(new);
    Ok(())
}

fn decide<'e>(
    one: &Received<JoinExam>,
    exams: &'e Exams,
    known: &'e HashMap<Key, Session>,
) -> Result<Decision<Entering<'e>>, Failure> {
    let open = match exams.open(one) {
        Ok(open) => open,
        Err(error) => return Ok(Decision::Refused(error)),
    };
    match (known.get(&key(one)), exams.begin(one)) {
        // Who became a mentor or an admin while they sit it goes on.
        (Some(session), Err(error)) if session.completion.is_some() && check_student(one).is_err() => {
            Ok(Decision::Refused(error))
        }
        (Some(session), _) if session.id.0 == one.id => Ok(Decision::Done(Entering { open, session })),
        (Some(session), _) => Ok(Decision::Repeat(Entering { open, session })),
        (None, Err(error)) => Ok(Decision::Refused(error)),
        (None, Ok(_)) => Err(Failure::Reject(format!("the session of {} was not begun", one.actor.user_id))),
    }
}

/// The event about sessions that begin.
pub(super) fn begun_event(begun: &[&Session]) -> Result<Option<Outbound>, Failure> {
    let Some(first) = begun.first() else { return Ok(None) };
    let sessions: Vec<_> = begun.iter().map(|session| as_begun(session)).collect();
    Ok(Some(Outbound::event(&SessionsBegun { sessions })?.identified_by(name_of(first, begun))))
}

/// The same for the same sessions, whichever command it is published with.
fn name_of(first: &Session, all: &[&Session]) -> String {
    let ids: Vec<u8> = all.iter().flat_map(|session| session.id.0.into_bytes()).collect();
    format!("{}.{}", first.id, Uuid::new_v5(&first.id.0, &ids))
}

fn as_begun(session: &Session) -> SessionBegun {
    SessionBegun {
        exam_id: session.exam_id,
        session_id: session.id,
        user_id: session.user_id,
        started_at: Timestamp(session.started_at),
    }
}

/// From when until when somebody who joins at a moment has time.
fn times(exam: &ExamRow, at: OffsetDateTime) -> Result<(OffsetDateTime, OffsetDateTime), ErrorBody> {
    match (exam.info.scheduled_start, exam.info.scheduled_end) {
        (Some(_), Some(end)) if at >= end.0 && !mutant!("exam-joined-after-its-end") => {
            Err(ErrorBody::new(code::EXAM_OVER, "This exam has ended"))
        }
        (Some(start), Some(end)) => Ok((start.0.max(at), end.0)),
        _ => Ok((at, at + Duration::minutes(i64::from(exam.info.duration_minutes)))),
    }
}

impl Entering<'_> {
    /// The exam and the session as they are at a moment.
    fn snapshot(
        &self,
        sheet: Option<&Vec<Option<Answer>>>,
        graded: Option<&Graded>,
        at: OffsetDateTime,
    ) -> ExamEntered {
        let (Open { exam, paper }, session) = (self.open, self.session);
        // Whatever its status: one that is paused before it begins has its questions no sooner.
        let questions = if at < session.started_at && !mutant!("exam-questions-before-the-start") {
            Vec::new()
        } else {
            paper.to_vec()
        };
        let mut answers = sheet.cloned().unwrap_or_default();
        answers.resize(paper.len(), None);
        ExamEntered {
            exam_id: session.exam_id,
            exam: Exam { info: exam.info.clone(), questions },
            session: ExamSession {
                id: session.id,
                exam_id: session.exam_id,
                user_id: session.user_id,
                room_id: RoomId::from(session.exam_id),
                current_question: session.current_question,
                answers,
                time_remaining: session.time_remaining(at),
                status: session.status(at),
                last_activity: Timestamp(session.last_activity),
                started_at: Timestamp(session.started_at),
                completed_at: session.completion.map(|completion| Timestamp(completion.at)),
                ends_at: Timestamp(session.ends_at),
            },
            result: graded.map(|graded| graded.result.clone()),
            server_time: Timestamp(at),
        }
    }
}
