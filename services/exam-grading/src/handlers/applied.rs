//! The log of what proctors and authors did to exams: a command that comes again finds itself there.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sinaesta_bus::{Failure, Received};
use sinaesta_contracts::{ExamId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::deciding::{all_new, used_twice};
use crate::store::interventions::{self, Applied, Intervention};

/// What a command did to an exam that is held, if it was applied already. Fails if another command has its id.
pub(super) async fn before(
    db: &mut PgConnection,
    id: Uuid,
    exam: ExamId,
    kind: &str,
) -> Result<Option<Applied>, Failure> {
    let applied = interventions::find(db, id).await?;
    match applied {
        Some(applied) if applied.exam != exam || applied.kind != kind => Err(used_twice(id)),
        applied => Ok(applied),
    }
}

/// What was answered to a command that was applied already.
pub(super) fn reply<R: DeserializeOwned>(id: Uuid, before: Applied) -> Result<R, Failure> {
    serde_json::from_value(before.reply)
        .map_err(|error| Failure::Reject(format!("the reply to {id} can't be read: {error}")))
}

/// What is noted of an intervention.
pub(super) struct Note<'a, D, R> {
    pub(super) exam: ExamId,
    pub(super) kind: &'static str,
    pub(super) user: Option<UserId>,
    pub(super) detail: &'a D,
    pub(super) reply: &'a R,
    pub(super) sessions: &'a [Uuid],
}

/// Notes that a command is applied.
pub(super) async fn note<C, D: Serialize + Sync, R: Serialize + Sync>(
    db: &mut PgConnection,
    one: &Received<C>,
    Note { exam, kind, user, detail, reply, sessions }: Note<'_, D, R>,
) -> Result<(), Failure> {
    let (id, by, at) = (one.id, one.actor.user_id, one.stamped_at);
    let stored =
        interventions::insert(db, &Intervention { id, exam, kind, user, detail, reply, sessions, by, at }).await?;
    all_new(usize::from(stored), 1, "interventions")
}
