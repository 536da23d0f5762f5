//! Who has a live socket in which exam.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::{ExamId, GatewayId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::sessions::Key;

/// A student's presence in an exam through one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub key: Key,
    pub gateway: GatewayId,
    pub name: String,
    /// The command that said so.
    pub by: Uuid,
    pub at: OffsetDateTime,
}

/// Through which gateways each of these students is in which exam.
pub async fn of(
    db: &mut PgConnection,
    keys: impl IntoIterator<Item = Key>,
) -> Result<HashMap<Key, Vec<Present>>, StoreError> {
    let (exams, users): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().map(|(exam, user)| (exam.0, user.0)).unzip();
    let rows = sqlx::query!(
        "SELECT exam_id, user_id, gateway_id, user_name, entered_by, entered_at FROM exam_participants
         WHERE (exam_id, user_id) IN (SELECT * FROM UNNEST($1::uuid[], $2::uuid[]))",
        &exams,
        &users,
    )
    .fetch_all(db)
    .await?;
    let mut present: HashMap<Key, Vec<Present>> = HashMap::new();
    for row in rows {
        let key = (ExamId(row.exam_id), UserId(row.user_id));
        let gateway = GatewayId(row.gateway_id);
        let one = Present { key, gateway, name: row.user_name, by: row.entered_by, at: row.entered_at };
        present.entry(key).or_default().push(one);
    }
    Ok(present)
}

/// Notes that students came.
pub async fn insert(db: &mut PgConnection, new: &[Present]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO exam_participants (exam_id, user_id, gateway_id, user_name, entered_by, entered_at)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[])",
        &new.iter().map(|one| one.key.0.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.key.1.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.gateway.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &new.iter().map(|one| one.by).collect::<Vec<_>>(),
        &new.iter().map(|one| one.at).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that students are in exams through these gateways no more.
pub async fn delete(db: &mut PgConnection, gone: &[(Key, GatewayId)]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM exam_participants WHERE (exam_id, user_id, gateway_id) IN
           (SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[]))",
        &gone.iter().map(|((exam, _), _)| exam.0).collect::<Vec<_>>(),
        &gone.iter().map(|((_, user), _)| user.0).collect::<Vec<_>>(),
        &gone.iter().map(|(_, gateway)| gateway.0).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who is in an exam through a gateway.
pub async fn through(
    db: &mut PgConnection,
    exam: ExamId,
    gateway: GatewayId,
) -> Result<Vec<(UserId, String)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT user_id, user_name FROM exam_participants WHERE exam_id = $1 AND gateway_id = $2 ORDER BY user_id",
        exam.0,
        gateway.0,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.user_name)).collect())
}

/// How many are in each exam; an exam in which nobody is, is left out.
pub async fn counts(db: &mut PgConnection, exams: &[Uuid]) -> Result<HashMap<ExamId, u32>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT exam_id, count(DISTINCT user_id) AS "count!" FROM exam_participants WHERE exam_id = ANY($1)
           GROUP BY exam_id"#,
        exams,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (ExamId(row.exam_id), u32::try_from(row.count).unwrap_or(u32::MAX))).collect())
}

/// Through which gateways anybody is in which exam.
pub async fn gateways(db: &mut PgConnection) -> Result<HashSet<(ExamId, GatewayId)>, StoreError> {
    let rows = sqlx::query!("SELECT DISTINCT exam_id, gateway_id FROM exam_participants").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (ExamId(row.exam_id), GatewayId(row.gateway_id))).collect())
}
