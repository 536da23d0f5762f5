//! Corrects keys, grades every result anew, and says whose changed.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::ExamCompleted;
use sinaesta_contracts::exam_authoring::{Correction, NewQuestion, RegradeExam, Regraded, ScoreChange};
use sinaesta_contracts::exam_grading::CompletionReason;
use sinaesta_contracts::{Audience, ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;

use crate::context::Context;
use crate::deciding::Decision;
use crate::domain::question::checked;
use crate::handlers::applied::{Note, before, note, reply};
use crate::handlers::{check_not_sitting, check_staff, check_writer, one_by_one, to_proctors, visible};
use crate::store::exams::{self, ExamRow, Hold};
use crate::store::results::{self, Graded};
use crate::store::{questions, sessions};
use crate::submission::{IsCorrection, answer_key, event, regraded};

/// Under which name it is noted.
const KIND: &str = "regrade";

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RegradeExam;

    async fn handle(&self, batch: &[Received<RegradeExam>]) -> Result<Vec<Outcome<Regraded>>, Failure> {
        one_by_one(batch, |one| regrade(&self.0, one)).await
    }
}

async fn regrade(context: &Context, one: &Received<RegradeExam>) -> Result<Outcome<Regraded>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Outcome::refused(error));
    }
    let id = one.command.exam_id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    // Nobody is graded meanwhile, so that every result is graded by one key or the other.
    exams::hold(&mut db, &[id.0], Hold::Alone).await?;
    let exam = match visible(&mut db, id, &one.actor).await? {
        Ok(exam) if exam.is_published() => exam,
        Ok(_) => {
            let text = "A draft has no results: change its questions";
            return Ok(Outcome::refused(ErrorBody::new(code::EXAM_NOT_PUBLISHED, text)));
        }
        Err(error) => return Ok(Outcome::refused(error)),
    };
    let reply = match decide(&mut db, one, &exam).await? {
        Decision::Done(reply) | Decision::Repeat(reply) => reply,
        Decision::Refused(error) => return Ok(Outcome::refused(error)),
    };
    // A repeat notifies the same students in the same order, of their results as they are now.
    let users: Vec<_> = reply.changed.iter().map(|change| change.user_id.0).collect();
    let changed = sessions::of_exam(&mut db, id, Some(&users), i64::MAX).await?;
    let ids: Vec<_> = changed.iter().map(|session| session.id.0).collect();
    let graded: HashMap<_, _> =
        results::of_sessions(&mut db, &ids).await?.into_values().map(|one| (one.result.user_id, one)).collect();
    let proctors = to_proctors(&mut db, &changed.iter().collect::<Vec<_>>(), one.stamped_at).await?;
    db.commit().await.map_err(StoreError::from)?;
    let mut outbound = Vec::new();
    for change in &reply.changed {
        let graded = graded
            .get(&change.user_id)
            .ok_or_else(|| Failure::Reject(format!("{} has no result any more", change.user_id)))?;
        mutant!("regrade-not-told-to-students", continue);
        outbound.extend([to_student(graded)?, event(&exam, graded, IsCorrection(true))?]);
        mutant!("regrade-not-told-to-boards", outbound.truncate(outbound.len() - 1));
    }
    outbound.extend(proctors.into_values());
    Ok(Outcome { answer: Ok(reply), outbound })
}

/// Decides about a correction while its exam is held alone, and stores what it changes.
async fn decide(
    db: &mut PgConnection,
    one: &Received<RegradeExam>,
    exam: &ExamRow,
) -> Result<Decision<Regraded>, Failure> {
    let (id, corrections) = (exam.info.id, &one.command.corrections);
    if let Some(before) = before(db, one.id, id, KIND).await?.filter(|_| !mutant!("regrade-comes-again-and-counts")) {
        return Ok(Decision::Repeat(reply(one.id, before)?));
    }
    if let Err(error) = check_writer(exam, &one.actor) {
        return Ok(Decision::Refused(error));
    }
    if let Err(error) = check_not_sitting(db, id, &one.actor).await? {
        return Ok(Decision::Refused(error));
    }
    let mut written = questions::load(db, &[id.0]).await?.remove(&id).unwrap_or_default();
    if let Err(error) = apply(&mut written, corrections) {
        return Ok(Decision::Refused(error));
    }
    let exam = ExamRow {
        key_version: exam.key_version + u32::from(!mutant!("regrade-keeps-the-version-of-the-key")),
        ..exam.clone()
    };
    mutant!("regrade-others-keep-the-old-key", (), questions::correct(db, id, corrections).await?);
    exams::set_key_version(db, id, exam.key_version).await?;
    let key = answer_key(&exam, written);
    let old = results::of_exam(db, id, i64::MAX).await?;
    let new: Vec<_> = old.iter().map(|graded| regraded(&graded.result, &key)).collect();
    results::update(db, &new.iter().collect::<Vec<_>>(), one.stamped_at).await?;
    let changed: Vec<_> = old.iter().zip(&new).filter(|(old, new)| old.result.score != new.score).collect();
    let sessions: Vec<_> = changed.iter().map(|(old, _)| old.session_id.0).collect();
    let reply = Regraded {
        exam_id: id,
        key_version: exam.key_version,
        unchanged: u32::try_from(old.len() - changed.len()).unwrap_or(u32::MAX),
        changed: changed
            .into_iter()
            .map(|(old, new)| ScoreChange {
                user_id: old.result.user_id,
                user_name: old.user_name.clone(),
                before: old.result.score,
                after: new.score,
            })
            .collect(),
    };
    let noted = Note { exam: id, kind: KIND, user: None, detail: corrections, reply: &reply, sessions: &sessions };
    note(db, one, noted).await?;
    Ok(Decision::Done(reply))
}

/// Puts the corrected keys into the questions, if each fits its question.
fn apply(written: &mut [NewQuestion], corrections: &[Correction]) -> Result<(), ErrorBody> {
    if corrections.is_empty() {
        return Err(ErrorBody::new(code::INVALID_PAYLOAD, "There is nothing to correct").on_field("corrections"));
    }
    for (at, correction) in corrections.iter().enumerate() {
        let refuse = |code, text: String| Err(ErrorBody::new(code, text).on_field(format!("corrections[{at}]")));
        let Some(question) = written.get_mut(usize::from(correction.question_index)) else {
            return refuse(code::EXAM_INVALID_QUESTION, "The exam has no such question".to_owned());
        };
        if question.key.kind() != correction.key.kind() {
            return refuse(code::INVALID_PAYLOAD, "The key is of another kind than the question".to_owned());
        }
        question.key = correction.key.clone();
        match checked(question.clone()) {
            Ok(fitting) => *question = fitting,
            Err(reason) => return refuse(code::INVALID_PAYLOAD, reason),
        }
    }
    Ok(())
}

fn to_student(graded: &Graded) -> Result<Outbound, Failure> {
    let result = graded.result.clone();
    let event = ExamCompleted { exam_id: result.exam_id, result, reason: CompletionReason::Regraded };
    Outbound::deliver(Audience::User(graded.result.user_id), &event)
}
