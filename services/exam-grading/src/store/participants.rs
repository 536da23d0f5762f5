//! Who has a live socket in which exam, and who had.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::{ExamId, GatewayId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::sessions::Key;
use crate::domain::presence::{Departure, Presence, Present};

/// Lets nobody else change who is in these exams until the transaction ends: always in the same order. The exams' rows
/// stay free for those who join and complete.
pub async fn lock(db: &mut PgConnection, exams: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(key) FROM
           (SELECT hashtextextended('exam participants ' || e, 0) AS key FROM UNNEST($1::uuid[]) AS exams (e) ORDER BY 1) k",
        exams,
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// Through which gateways each of these students is in which exam, and was.
pub async fn of(
    db: &mut PgConnection,
    keys: impl IntoIterator<Item = Key>,
) -> Result<HashMap<Key, Presence>, StoreError> {
    let (exams, users): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().map(|(exam, user)| (exam.0, user.0)).unzip();
    let mut presences: HashMap<Key, Presence> = HashMap::new();
    let here = sqlx::query!(
        "SELECT exam_id, user_id, gateway_id, user_name, entered_by, entered_at FROM exam_participants
         WHERE (exam_id, user_id) IN (SELECT * FROM UNNEST($1::uuid[], $2::uuid[]))",
        &exams,
        &users,
    )
    .fetch_all(&mut *db)
    .await?;
    for row in here {
        let gateway = GatewayId(row.gateway_id);
        let present = Present { gateway, name: row.user_name, by: row.entered_by, at: row.entered_at };
        presences.entry((ExamId(row.exam_id), UserId(row.user_id))).or_default().here.push(present);
    }
    let left = sqlx::query!(
        "SELECT exam_id, user_id, gateway_id, user_name, newest, left_by, left_at, was_last FROM exam_departures
         WHERE (exam_id, user_id) IN (SELECT * FROM UNNEST($1::uuid[], $2::uuid[]))",
        &exams,
        &users,
    )
    .fetch_all(db)
    .await?;
    for row in left {
        let departure = Departure {
            gateway: GatewayId(row.gateway_id),
            name: row.user_name,
            newest: row.newest,
            left_by: row.left_by,
            left_at: row.left_at,
            was_last: row.was_last,
        };
        presences.entry((ExamId(row.exam_id), UserId(row.user_id))).or_default().left.push(departure);
    }
    Ok(presences)
}

/// Notes that students came.
pub async fn insert(db: &mut PgConnection, new: &[(Key, Present)]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO exam_participants (exam_id, user_id, gateway_id, user_name, entered_by, entered_at)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[])
         ON CONFLICT DO NOTHING",
        &new.iter().map(|((exam, _), _)| exam.0).collect::<Vec<_>>(),
        &new.iter().map(|((_, user), _)| user.0).collect::<Vec<_>>(),
        &new.iter().map(|(_, one)| one.gateway.0).collect::<Vec<_>>(),
        &new.iter().map(|(_, one)| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &new.iter().map(|(_, one)| one.by).collect::<Vec<_>>(),
        &new.iter().map(|(_, one)| one.at).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that students are in exams through these gateways no more; each student's departure from a gateway once.
pub async fn depart(db: &mut PgConnection, gone: &[(Key, Departure)]) -> Result<(), StoreError> {
    let exams: Vec<_> = gone.iter().map(|((exam, _), _)| exam.0).collect();
    let users: Vec<_> = gone.iter().map(|((_, user), _)| user.0).collect();
    let gateways: Vec<_> = gone.iter().map(|(_, one)| one.gateway.0).collect();
    sqlx::query!(
        "DELETE FROM exam_participants WHERE (exam_id, user_id, gateway_id) IN
           (SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[]))",
        &exams,
        &users,
        &gateways,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO exam_departures (exam_id, user_id, gateway_id, user_name, newest, left_by, left_at, was_last)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::timestamptz[],
                              $8::boolean[])
         ON CONFLICT (exam_id, user_id, gateway_id) DO UPDATE SET user_name = EXCLUDED.user_name,
           newest = EXCLUDED.newest, left_by = EXCLUDED.left_by, left_at = EXCLUDED.left_at, was_last = EXCLUDED.was_last",
        &exams,
        &users,
        &gateways,
        &gone.iter().map(|(_, one)| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &gone.iter().map(|(_, one)| one.newest).collect::<Vec<_>>(),
        &gone.iter().map(|(_, one)| one.left_by).collect::<Vec<_>>(),
        &gone.iter().map(|(_, one)| one.left_at).collect::<Vec<_>>(),
        &gone.iter().map(|(_, one)| one.was_last).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who is in an exam through a gateway, in the order of their ids.
pub async fn through(db: &mut PgConnection, exam: ExamId, gateway: GatewayId) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "SELECT user_id FROM exam_participants WHERE exam_id = $1 AND gateway_id = $2 ORDER BY user_id",
        exam.0,
        gateway.0,
    );
    Ok(users.fetch_all(db).await?.into_iter().map(UserId).collect())
}

/// Who was taken out of an exam by a command, in the order of their ids.
pub async fn taken_out_by(db: &mut PgConnection, exam: ExamId, command: Uuid) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "SELECT user_id FROM exam_departures WHERE exam_id = $1 AND left_by = $2 ORDER BY user_id",
        exam.0,
        command,
    );
    Ok(users.fetch_all(db).await?.into_iter().map(UserId).collect())
}

/// When somebody came into an exam through a gateway last, of those who are still there.
pub async fn last_arrival(db: &mut PgConnection, gateway: GatewayId) -> Result<Option<OffsetDateTime>, StoreError> {
    let last = sqlx::query_scalar!("SELECT max(entered_at) FROM exam_participants WHERE gateway_id = $1", gateway.0);
    Ok(last.fetch_one(db).await?)
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
