//! How a session is completed: by its student or by its clock, it is graded by the same steps, and once.

use std::collections::HashMap;

use sinaesta_bus::{Failure, Outbound};
use sinaesta_contracts::exam::{Answer, ExamCompleted, ParticipantCompletedExam};
use sinaesta_contracts::exam_authoring::NewQuestion;
use sinaesta_contracts::exam_grading::{CompletionReason, ExamGraded, ExamResult};
use sinaesta_contracts::{Audience, ExamId, ResultId, SessionId, Timestamp};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Context;
use crate::domain::grading::{AnswerKey, Grade, KeyedQuestion, grade};
use crate::domain::session::{Completion, Session};
use crate::store::exams::ExamRow;
use crate::store::results::Graded;
use crate::store::{answers, exams, participants, questions, results, sessions};

/// Grades sessions that are held, in exams that are held, and stores them as completed.
pub(crate) async fn submit(
    context: &Context,
    db: &mut PgConnection,
    due: &[(Session, Completion)],
) -> Result<(), Failure> {
    if due.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = due.iter().map(|(session, _)| session.id.0).collect();
    let exam_ids = distinct(due.iter().map(|(session, _)| session.exam_id));
    let keys = keys(db, &exam_ids).await?;
    let mut sheets = answers::latest(db, &ids).await?;
    let mut graded = Vec::with_capacity(due.len());
    for (session, completion) in due {
        let Some(key) = keys.get(&session.exam_id) else {
            return Err(Failure::Reject(format!("exam {} has no questions", session.exam_id)));
        };
        let mut sheet = sheets.remove(&session.id).unwrap_or_default();
        sheet.resize(key.questions.len(), None);
        graded.push((of(session, completion, key, sheet), session.record_head));
    }
    let new: Vec<_> = graded.iter().map(|(graded, head)| (graded, *head)).collect();
    results::insert(db, &new, context.clock.now()).await?;
    let completions: Vec<_> = due.iter().map(|(session, completion)| (session.id, *completion)).collect();
    Ok(sessions::complete(db, &completions).await?)
}

/// Each exam once, in the order of their ids.
pub(crate) fn distinct(exams: impl Iterator<Item = ExamId>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = exams.map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The keys of exams.
pub(crate) async fn keys(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<ExamId, AnswerKey>, StoreError> {
    let rows = exams::find(db, ids).await?;
    let mut questions = questions::load(db, ids).await?;
    let key = |(id, row): (ExamId, ExamRow)| {
        let questions = questions.remove(&id)?;
        Some((id, answer_key(&row, questions)))
    };
    Ok(rows.into_iter().filter_map(key).collect())
}

/// What grading needs of an exam.
pub(crate) fn answer_key(exam: &ExamRow, questions: Vec<NewQuestion>) -> AnswerKey {
    let keyed = |one: NewQuestion| KeyedQuestion { points: one.points, category: one.category, key: one.key };
    AnswerKey {
        version: exam.key_version,
        negative_marking_percent: exam.info.negative_marking_percent,
        questions: questions.into_iter().map(keyed).collect(),
    }
}

fn of(session: &Session, completion: &Completion, key: &AnswerKey, sheet: Vec<Option<Answer>>) -> Graded {
    let grade = grade(key, &sheet);
    let result = ExamResult {
        id: ResultId(Uuid::new_v5(&session.id.0, b"result")),
        exam_id: session.exam_id,
        user_id: session.user_id,
        score: grade.score,
        max_score: grade.max_score,
        percentage: grade.percentage,
        total_questions: grade.total_questions,
        correct_count: grade.correct_count,
        answers: sheet,
        breakdown: grade.breakdown,
        key_version: key.version,
        record_head: session.record_head.to_string(),
        completed_at: Timestamp(completion.at),
    };
    let (session_id, user_name) = (session.id, session.user_name.clone());
    Graded { session_id, user_name, user_avatar: session.user_avatar.clone(), result }
}

/// The same result by another key.
pub(crate) fn regraded(result: &ExamResult, key: &AnswerKey) -> ExamResult {
    let Grade { score, percentage, correct_count, breakdown, .. } = grade(key, &result.answers);
    ExamResult { score, percentage, correct_count, breakdown, key_version: key.version, ..result.clone() }
}

/// What became of completed sessions, as those concerned are told.
pub(crate) struct Told {
    exams: HashMap<ExamId, ExamRow>,
    counts: HashMap<ExamId, u32>,
    graded: HashMap<SessionId, Graded>,
}

impl Told {
    /// Reads the results of sessions.
    pub(crate) async fn read(db: &mut PgConnection, completed: &[&Session]) -> Result<Self, StoreError> {
        let exam_ids = distinct(completed.iter().map(|session| session.exam_id));
        let ids: Vec<Uuid> = completed.iter().map(|session| session.id.0).collect();
        Ok(Self {
            exams: exams::find(db, &exam_ids).await?,
            counts: participants::counts(db, &exam_ids).await?,
            graded: results::of_sessions(db, &ids).await?,
        })
    }

    /// The result, as its student gets it.
    pub(crate) fn completed(&self, session: &Session) -> Result<ExamCompleted, Failure> {
        let graded = self.graded.get(&session.id).ok_or_else(|| missing(session))?;
        let reason = session.completion.map_or(CompletionReason::Submitted, |completion| completion.reason);
        Ok(ExamCompleted { exam_id: session.exam_id, result: graded.result.clone(), reason })
    }

    /// To the student's sockets.
    pub(crate) fn to_student(&self, session: &Session) -> Result<Outbound, Failure> {
        Outbound::deliver(Audience::User(session.user_id), &self.completed(session)?)
    }

    /// To the student, to other services, and, unless it is one of very many, to the others in the exam.
    pub(crate) fn to_all(
        &self,
        session: &Session,
        is_last: bool,
        announce_limit: u32,
    ) -> Result<Vec<Outbound>, Failure> {
        let graded = self.graded.get(&session.id).ok_or_else(|| missing(session))?;
        let exam = self.exams.get(&session.exam_id).ok_or_else(|| missing(session))?;
        let mut outbound = vec![self.to_student(session)?, event(exam, graded, IsCorrection(false))?];
        let count = self.counts.get(&session.exam_id).copied().unwrap_or_default();
        if is_last || count <= announce_limit {
            let completed = ParticipantCompletedExam {
                exam_id: session.exam_id,
                user_id: session.user_id,
                user_name: session.user_name.clone(),
                participant_count: count,
            };
            outbound.push(Outbound::deliver(Audience::Exam(session.exam_id), &completed)?.except(session.user_id));
        }
        Ok(outbound)
    }
}

fn missing(session: &Session) -> Failure {
    Failure::Retry(format!("the result of session {} was not read", session.id))
}

/// Whether the student knows a result already.
pub(crate) struct IsCorrection(pub(crate) bool);

/// `event.exam.graded`.
pub(crate) fn event(exam: &ExamRow, graded: &Graded, is_correction: IsCorrection) -> Result<Outbound, Failure> {
    let result = &graded.result;
    let event = ExamGraded {
        exam_id: result.exam_id,
        exam_title: exam.info.title.clone(),
        specialty: exam.info.specialty.clone(),
        session_id: graded.session_id,
        result_id: result.id,
        key_version: result.key_version,
        is_correction: is_correction.0,
        user_id: result.user_id,
        user_name: graded.user_name.clone(),
        user_avatar: graded.user_avatar.clone(),
        score: result.score,
        max_score: result.max_score,
        percentage: result.percentage,
        correct_count: result.correct_count,
        total_questions: result.total_questions,
        completed_at: result.completed_at,
    };
    Ok(Outbound::event(&event)?.identified_by(format!("graded.{}.{}", result.id, result.key_version)))
}
