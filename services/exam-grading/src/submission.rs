//! How a session is completed: by its student or by its clock, it is graded by the same steps, and once.

use std::collections::HashMap;
use std::sync::Arc;

use sinaesta_bus::{Failure, Outbound, Outcome};
use sinaesta_contracts::exam::{Answer, ExamCompleted, ParticipantCompletedExam};
use sinaesta_contracts::exam_authoring::NewQuestion;
use sinaesta_contracts::exam_grading::{ExamGraded, ExamResult};
use sinaesta_contracts::{Audience, ExamId, ResultId, SessionId, Timestamp};
use sinaesta_mutants::mutant;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::deciding::all_new;
use crate::domain::grading::{AnswerKey, Grade, KeyedQuestion, grade};
use crate::domain::session::{Completion, Session};
use crate::store::exams::{ExamRow, Hold};
use crate::store::results::Graded;
use crate::store::sessions::Key;
use crate::store::{answers, exams, participants, questions, results, sessions};

/// A session that is held: it can be completed, or it has its result.
pub(crate) enum Sitting {
    Open(Box<Session>),
    Completed(Arc<Completed>),
}

/// A session that is completed.
pub(crate) struct Completed {
    pub(crate) session: Session,
    pub(crate) completion: Completion,
    exam: Arc<ExamRow>,
    graded: Graded,
}

/// Sessions that are held, in exams that are held, with all that it takes to complete them.
pub(crate) struct Sittings {
    known: HashMap<Key, Sitting>,
    exams: HashMap<ExamId, Arc<ExamRow>>,
    keys: HashMap<ExamId, AnswerKey>,
    sheets: HashMap<SessionId, Vec<Option<Answer>>>,
    counts: HashMap<ExamId, u32>,
    /// Those that are completed now, each with the stamp of the command that does it.
    new: Vec<(Arc<Completed>, OffsetDateTime)>,
}

impl Sittings {
    /// Holds the exams, then the sessions; and reads what there is of them.
    pub(crate) async fn hold(db: &mut PgConnection, of: &[Key]) -> Result<Self, Failure> {
        let exam_ids = distinct(of.iter().map(|(exam, _)| *exam));
        exams::hold(db, &exam_ids, Hold::Shared).await?;
        let held = sessions::hold(db, of.iter().copied()).await?;
        let rows = exams::find(db, &exam_ids).await?;
        let exams: HashMap<_, _> = rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect();
        let (completed, open): (Vec<&Session>, Vec<_>) = held.values().partition(|one| one.completion.is_some());
        let ids = |sessions: &[&Session]| sessions.iter().map(|one| one.id.0).collect::<Vec<_>>();
        let mut results = results::of_sessions(db, &ids(&completed)).await?;
        let sheets = answers::latest(db, &ids(&open)).await?;
        let mut written = questions::load(db, &distinct(open.iter().map(|one| one.exam_id))).await?;
        let keys = exams.iter().filter_map(|(id, exam)| Some((*id, answer_key(exam, written.remove(id)?)))).collect();
        let counts = participants::counts(db, &exam_ids).await?;
        let mut known = HashMap::with_capacity(held.len());
        for (key, session) in held {
            let sitting = match session.completion {
                None => Sitting::Open(Box::new(session)),
                Some(completion) => {
                    let graded = results.remove(&session.id).ok_or_else(|| broken(&session, "has no result"))?;
                    let exam = exams.get(&key.0).ok_or_else(|| broken(&session, "has no exam"))?;
                    Sitting::Completed(Arc::new(Completed { session, completion, exam: Arc::clone(exam), graded }))
                }
            };
            known.insert(key, sitting);
        }
        Ok(Self { known, exams, keys, sheets, counts, new: Vec::new() })
    }

    /// The session of a student, if there is one.
    pub(crate) fn get(&self, key: &Key) -> Option<&Sitting> {
        self.known.get(key)
    }

    /// An exam that students may know of.
    pub(crate) fn published(&self, id: ExamId) -> Option<&ExamRow> {
        self.exams.get(&id).map(Arc::as_ref).filter(|exam| exam.is_published())
    }

    /// Grades a session that is open; from now on it is completed.
    pub(crate) fn complete(
        &mut self,
        mut session: Session,
        completion: Completion,
        stamped_at: OffsetDateTime,
    ) -> Result<Arc<Completed>, Failure> {
        let exam = self.exams.get(&session.exam_id).ok_or_else(|| broken(&session, "has no exam"))?;
        let key = self.keys.get(&session.exam_id).ok_or_else(|| broken(&session, "is of an exam without questions"))?;
        let sheet = self.sheets.get(&session.id).map_or(&[][..], Vec::as_slice);
        session.completion = Some(completion);
        let graded = graded(&session, completion, key, sheet);
        let completed = Arc::new(Completed { session, completion, exam: Arc::clone(exam), graded });
        let of = (completed.session.exam_id, completed.session.user_id);
        self.known.insert(of, Sitting::Completed(Arc::clone(&completed)));
        self.new.push((Arc::clone(&completed), stamped_at));
        Ok(completed)
    }

    /// Stores what was completed.
    pub(crate) async fn store(&self, db: &mut PgConnection) -> Result<(), Failure> {
        if self.new.is_empty() {
            return Ok(());
        }
        let graded: Vec<_> = self.new.iter().map(|(one, at)| (&one.graded, one.session.record_head, *at)).collect();
        all_new(results::insert(db, &graded).await?, graded.len(), "results")?;
        let done: Vec<_> = self.new.iter().map(|(one, _)| (one.session.id, one.completion)).collect();
        Ok(sessions::complete(db, &done).await?)
    }

    /// How late each of those that are completed now is, by its command's stamp.
    pub(crate) fn lateness(&self) -> impl Iterator<Item = std::time::Duration> {
        self.new.iter().map(|(one, stamped_at)| one.session.lateness(*stamped_at))
    }

    /// Publishes what each command has completed, now or before; in an exam with very many, the last of those who
    /// completed together stands for all of them.
    pub(crate) fn publish<R>(
        &self,
        completed: &[Option<Arc<Completed>>],
        outcomes: &mut [Outcome<R>],
        announce_limit: u32,
    ) -> Result<(), Failure> {
        let last: HashMap<ExamId, Uuid> =
            completed.iter().flatten().map(|done| (done.session.exam_id, done.completion.by)).collect();
        for (done, outcome) in completed.iter().zip(outcomes) {
            let Some(done) = done else { continue };
            let exam_id = done.session.exam_id;
            let count = self.counts.get(&exam_id).copied().unwrap_or_default();
            outcome.outbound.extend([done.to_student()?, event(&done.exam, &done.graded, IsCorrection(false))?]);
            if count <= announce_limit || last.get(&exam_id) == Some(&done.completion.by) {
                outcome.outbound.push(done.to_others(count)?);
            }
        }
        Ok(())
    }
}

impl Completed {
    /// The result, as its student gets it.
    pub(crate) fn event(&self) -> ExamCompleted {
        let (exam_id, reason) = (self.session.exam_id, self.completion.reason);
        ExamCompleted { exam_id, result: self.graded.result.clone(), reason }
    }

    /// To the student's sockets.
    pub(crate) fn to_student(&self) -> Result<Outbound, Failure> {
        Outbound::deliver(Audience::User(self.session.user_id), &self.event())
    }

    /// To the others in the exam, without the score.
    fn to_others(&self, participant_count: u32) -> Result<Outbound, Failure> {
        let Session { exam_id, user_id, ref user_name, .. } = self.session;
        let event = ParticipantCompletedExam { exam_id, user_id, user_name: user_name.clone(), participant_count };
        Ok(Outbound::deliver(Audience::Exam(exam_id), &event)?.except(user_id))
    }
}

/// What no command brings about: for an operator to look at.
fn broken(session: &Session, what: &str) -> Failure {
    Failure::Reject(format!("the session {} {what}", session.id))
}

/// Each exam once, in the order of their ids.
pub(crate) fn distinct(exams: impl Iterator<Item = ExamId>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = exams.map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
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

fn graded(session: &Session, completion: Completion, key: &AnswerKey, sheet: &[Option<Answer>]) -> Graded {
    let mut sheet = sheet.to_vec();
    sheet.resize(key.questions.len(), None);
    mutant!("grading-question-shifted", sheet.rotate_left(1));
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
