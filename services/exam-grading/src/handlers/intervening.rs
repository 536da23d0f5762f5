//! What proctors do to sessions that run has one course: who, to whom, and once.

use serde::Serialize;
use sinaesta_bus::{Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::Intervened;
use sinaesta_contracts::{Command, ErrorBody, ExamId, UserId, code};
use sinaesta_store::StoreError;
use sqlx::PgConnection;

use crate::Context;
use crate::domain::session::Session;
use crate::handlers::{check_staff, to_proctors, visible};
use crate::store::exams::{self, Hold};
use crate::store::interventions::{self, Intervention};
use crate::store::sessions;

/// An intervention: how it changes a session, and what the student is told of it.
pub(super) trait Intervene: Command<Reply = Intervened> + Clone {
    const KIND: &'static str;

    fn exam(&self) -> ExamId;

    /// `None`: all who have not completed.
    fn user(&self) -> Option<UserId>;

    /// Changes a session; false if it is as it should be already.
    fn change(one: &Received<Self>, session: &mut Session) -> bool;

    /// What the student of a session that is changed is told.
    fn tell(context: &Context, session: &Session) -> Result<Outbound, Failure>;

    /// Changes the exam itself, where it is for all.
    async fn change_exam(_: &Received<Self>, _: &mut PgConnection) -> Result<(), StoreError> {
        Ok(())
    }
}

pub(super) async fn intervene<C: Intervene + Serialize>(
    context: &Context,
    one: &Received<C>,
) -> Result<Outcome<Intervened>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Outcome::refused(error));
    }
    let (exam, user) = (one.command.exam(), one.command.user());
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    exams::hold(&mut db, &[exam.0], Hold::Alone).await?;
    if let Err(error) = visible(&mut db, exam, &one.actor).await? {
        return Ok(Outcome::refused(error));
    }
    let mut open = sessions::hold_open(&mut db, exam, user).await?;
    if let Some(user) = user.filter(|_| open.is_empty()) {
        return Ok(Outcome::refused(none_open(&mut db, exam, user).await?));
    }
    // A repeat finds it done, and tells those whom it concerned how it is.
    let before: Option<Intervened> = interventions::reply_to(&mut db, one.id).await?;
    let reply = match before {
        Some(reply) => reply,
        None => {
            open.retain_mut(|session| C::change(one, session));
            sessions::save_clocks(&mut db, &open).await?;
            if user.is_none() {
                C::change_exam(one, &mut db).await?;
            }
            let reply = Intervened { sessions: u32::try_from(open.len()).unwrap_or(u32::MAX) };
            let note = Intervention {
                id: one.id,
                exam,
                kind: C::KIND,
                user,
                detail: &one.command,
                reply: &reply,
                by: one.actor.user_id,
                at: one.stamped_at,
            };
            interventions::insert(&mut db, &note).await?;
            reply
        }
    };
    let proctors = to_proctors(context, &mut db, &open.iter().collect::<Vec<_>>()).await?;
    db.commit().await.map_err(StoreError::from)?;
    let mut outcome = Outcome::done(reply);
    for session in &open {
        outcome.outbound.push(C::tell(context, session)?);
    }
    outcome.outbound.extend(proctors);
    Ok(outcome)
}

async fn none_open(db: &mut PgConnection, exam: ExamId, user: UserId) -> Result<ErrorBody, StoreError> {
    Ok(match sessions::find(db, (exam, user)).await? {
        Some(_) => ErrorBody::new(code::EXAM_COMPLETED, "This student has completed the exam"),
        None => ErrorBody::new(code::EXAM_NO_SESSION, "This student has not joined the exam").on_field("userId"),
    })
}
