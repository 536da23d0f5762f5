//! What proctors and authors did to exams that run or are graded.

use serde::Serialize;
use serde::de::DeserializeOwned;
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
    /// `extend`, `pause`, `resume` or `regrade`.
    pub kind: &'a str,
    /// `None`: for all.
    pub user: Option<UserId>,
    pub detail: &'a D,
    pub reply: &'a R,
    pub by: UserId,
    pub at: OffsetDateTime,
}

/// What was answered to a command that was applied already.
pub async fn reply_to<R: DeserializeOwned + Send + Unpin>(
    db: &mut PgConnection,
    id: Uuid,
) -> Result<Option<R>, StoreError> {
    let reply = sqlx::query_scalar!("SELECT reply FROM exam_interventions WHERE command_id = $1", id)
        .fetch_optional(db)
        .await?;
    // What can't be read was written by a version that answered otherwise; none has.
    Ok(reply.and_then(|reply| serde_json::from_value(reply).ok()))
}

/// Notes an intervention.
pub async fn insert<D: Serialize + Sync, R: Serialize + Sync>(
    db: &mut PgConnection,
    one: &Intervention<'_, D, R>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO exam_interventions (command_id, exam_id, kind, user_id, detail, reply, by_user, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        one.id,
        one.exam.0,
        one.kind,
        one.user.map(|user| user.0),
        Json(one.detail) as _,
        Json(one.reply) as _,
        one.by.0,
        one.at,
    )
    .execute(db)
    .await?;
    Ok(())
}
