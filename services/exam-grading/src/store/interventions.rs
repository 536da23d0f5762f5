//! What proctors and authors did to exams, by their commands.

use serde::Serialize;
use serde_json::Value;
use sinaesta_contracts::{ExamId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// One of them.
pub struct Intervention<'a, D, R> {
    /// The command.
    pub id: Uuid,
    pub exam: ExamId,
    /// `extend`, `pause`, `resume`, `regrade`, `replace`, `publish` or `schedule`.
    pub kind: &'a str,
    /// `None`: for all.
    pub user: Option<UserId>,
    pub detail: &'a D,
    pub reply: &'a R,
    /// The sessions that it changed, in the order of their ids.
    pub sessions: &'a [Uuid],
    pub by: UserId,
    pub at: OffsetDateTime,
}

/// One that was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    pub exam: ExamId,
    pub kind: String,
    pub reply: Value,
    pub sessions: Vec<Uuid>,
    pub at: OffsetDateTime,
}

/// What a command did, if it was applied already.
pub async fn find(db: &mut PgConnection, id: Uuid) -> Result<Option<Applied>, StoreError> {
    let row =
        sqlx::query!("SELECT exam_id, kind, reply, sessions, at FROM exam_interventions WHERE command_id = $1", id)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|row| Applied {
        exam: ExamId(row.exam_id),
        kind: row.kind,
        reply: row.reply,
        sessions: row.sessions,
        at: row.at,
    }))
}

/// Notes an intervention; false if this very command is noted already.
pub async fn insert<D: Serialize + Sync, R: Serialize + Sync>(
    db: &mut PgConnection,
    one: &Intervention<'_, D, R>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO exam_interventions (command_id, exam_id, kind, user_id, detail, reply, sessions, by_user, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        one.id,
        one.exam.0,
        one.kind,
        one.user.map(|user| user.0),
        Json(one.detail) as _,
        Json(one.reply) as _,
        one.sessions,
        one.by.0,
        one.at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
