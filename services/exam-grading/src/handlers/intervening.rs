//! What proctors do to sessions that run has one course: who, to whom, and once.

use serde::Serialize;
use sinaesta_bus::{Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::{ExamPaused, ExamResumed, ExamTimeExtended, Intervened};
use sinaesta_contracts::{Audience, Command, ErrorBody, ExamId, Timestamp, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::context::Context;
use crate::deciding::Decision;
use crate::domain::session::Session;
use crate::handlers::applied::{Note, before, note, reply};
use crate::handlers::{check_staff, to_proctors, visible};
use crate::store::exams::{self, Hold};
use crate::store::sessions;

/// An intervention in sessions that run: how it changes one, and what the student is told of it.
pub(super) trait Intervene: Command<Reply = Intervened> + Clone {
    const KIND: &'static str;

    fn exam(&self) -> ExamId;

    /// `None`: all who have not completed.
    fn user(&self) -> Option<UserId>;

    /// Changes a session; false if it is as it should be already.
    fn change(one: &Received<Self>, session: &mut Session) -> bool;

    /// What the student of a session that it changed is notified of: how the session is now.
    fn notify(session: &Session, at: OffsetDateTime) -> Result<Outbound, Failure>;

    /// Changes the exam itself, where it is for all.
    async fn change_exam(_: &Received<Self>, _: &mut PgConnection) -> Result<(), StoreError> {
        Ok(())
    }
}

/// An intervention that was applied: when, and which sessions it changed.
struct Change {
    reply: Intervened,
    sessions: Vec<Uuid>,
    at: OffsetDateTime,
}

pub(super) async fn intervene<C: Intervene + Serialize>(
    context: &Context,
    one: &Received<C>,
) -> Result<Outcome<Intervened>, Failure> {
    if let Err(error) = check_staff(&one.actor) {
        return Ok(Outcome::refused(error));
    }
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    exams::hold(&mut db, &[one.command.exam().0], Hold::Alone).await?;
    let change = match decide(&mut db, one).await? {
        Decision::Done(change) | Decision::Repeat(change) => change,
        Decision::Refused(error) => return Ok(Outcome::refused(error)),
    };
    // A repeat notifies the same students in the same order, of how their sessions are now.
    let changed = sessions::with_ids(&mut db, &change.sessions).await?;
    let proctors = to_proctors(&mut db, &changed.iter().collect::<Vec<_>>(), one.stamped_at).await?;
    db.commit().await.map_err(StoreError::from)?;
    let mut outcome = Outcome::done(change.reply);
    for session in &changed {
        outcome.outbound.push(C::notify(session, change.at)?);
    }
    outcome.outbound.extend(proctors.into_values());
    Ok(outcome)
}

/// Decides about an intervention while its exam is held alone, and stores what it changes.
async fn decide<C: Intervene + Serialize>(
    db: &mut PgConnection,
    one: &Received<C>,
) -> Result<Decision<Change>, Failure> {
    let (exam, user) = (one.command.exam(), one.command.user());
    if let Some(before) =
        before(db, one.id, exam, C::KIND).await?.filter(|_| !mutant!("exam-intervention-comes-again-and-counts"))
    {
        let (sessions, at) = (before.sessions.clone(), before.at);
        return Ok(Decision::Repeat(Change { reply: reply(one.id, before)?, sessions, at }));
    }
    if let Err(error) = visible(db, exam, &one.actor).await? {
        return Ok(Decision::Refused(error));
    }
    // One who became a proctor while they sat the exam is none of their own session.
    let own = one.actor.user_id;
    if user == Some(own) {
        let error = ErrorBody::new(code::FORBIDDEN, "Nobody may do this to their own session");
        return Ok(Decision::Refused(error.on_field("userId")));
    }
    let mut open = sessions::hold_open(db, exam, user).await?;
    open.retain(|session| session.user_id != own);
    if let Some(user) = user.filter(|_| open.is_empty()) {
        return Ok(Decision::Refused(none_open(db, exam, user).await?));
    }
    open.retain_mut(|session| C::change(one, session));
    sessions::save_times(db, &open).await?;
    if user.is_none() {
        C::change_exam(one, db).await?;
    }
    let sessions: Vec<_> = open.iter().map(|session| session.id.0).collect();
    let reply = Intervened { sessions: u32::try_from(open.len()).unwrap_or(u32::MAX) };
    note(db, one, Note { exam, kind: C::KIND, user, detail: &one.command, reply: &reply, sessions: &sessions }).await?;
    Ok(Decision::Done(Change { reply, sessions, at: one.stamped_at }))
}

async fn none_open(db: &mut PgConnection, exam: ExamId, user: UserId) -> Result<ErrorBody, StoreError> {
    Ok(match sessions::find(db, (exam, user)).await? {
        Some(_) => ErrorBody::new(code::EXAM_COMPLETED, "This student has completed the exam"),
        None => ErrorBody::new(code::EXAM_NO_SESSION, "This student has not joined the exam").on_field("userId"),
    })
}

/// Whether a session's time stands or runs, for its student; of one that is completed, when it ended.
pub(super) fn running_event(session: &Session, at: OffsetDateTime) -> Result<Outbound, Failure> {
    let (exam_id, audience) = (session.exam_id, Audience::User(session.user_id));
    let (ends_at, server_time) = (Timestamp(session.ends_at), Timestamp(at));
    if session.completion.is_some() {
        return end_event(session, at);
    }
    if session.paused_at.is_some() {
        let time_remaining = session.time_remaining(at);
        return Outbound::deliver(audience, &ExamPaused { exam_id, time_remaining });
    }
    Outbound::deliver(audience, &ExamResumed { exam_id, ends_at, server_time })
}

/// When a session ends, for its student.
pub(super) fn end_event(session: &Session, at: OffsetDateTime) -> Result<Outbound, Failure> {
    let (exam_id, ends_at, server_time) = (session.exam_id, Timestamp(session.ends_at), Timestamp(at));
    Outbound::deliver(Audience::User(session.user_id), &ExamTimeExtended { exam_id, ends_at, server_time })
}
