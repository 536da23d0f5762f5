//! Results that boards are counted from.

use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Keeps results; one that is known by a newer key stays. Each may stand in it once.
pub async fn keep(db: &mut PgConnection, graded: &[&ExamGraded]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO leaderboard_results AS r
           (result_id, user_id, exam_id, specialty, score_hundredths, key_version, completed_at)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::integer[],
                              $7::timestamptz[])
         ON CONFLICT (result_id) DO UPDATE SET
           score_hundredths = EXCLUDED.score_hundredths, key_version = EXCLUDED.key_version
         WHERE r.key_version < EXCLUDED.key_version",
        &graded.iter().map(|one| one.result_id.0).collect::<Vec<_>>(),
        &graded.iter().map(|one| one.user_id.0).collect::<Vec<_>>(),
        &graded.iter().map(|one| one.exam_id.0).collect::<Vec<_>>(),
        &graded.iter().map(|one| one.specialty.as_str()).collect::<Vec<_>>() as &[&str],
        &graded.iter().map(|one| one.score.hundredths()).collect::<Vec<_>>(),
        &graded.iter().map(|one| one.key_version as i32).collect::<Vec<_>>(),
        &graded.iter().map(|one| one.completed_at.0).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Everybody who has a result, or an entry for whatever reason, in the order of ids.
pub async fn everybody(db: &mut PgConnection) -> Result<Vec<Uuid>, StoreError> {
    let users = sqlx::query_scalar!(
        r#"SELECT user_id AS "user_id!" FROM leaderboard_results UNION SELECT user_id FROM leaderboard_entries ORDER BY 1"#
    )
    .fetch_all(db)
    .await?;
    Ok(users)
}

/// How many entries a recomputation has repaired, if it is done.
pub async fn recomputed(db: &mut PgConnection, command: Uuid) -> Result<Option<i32>, StoreError> {
    let repaired = sqlx::query_scalar!(
        "SELECT repaired FROM leaderboard_recomputations WHERE command_id = $1 AND is_done",
        command
    )
    .fetch_optional(db)
    .await?;
    Ok(repaired)
}

/// Notes that a recomputation repaired so many more.
pub async fn note_repaired(
    db: &mut PgConnection,
    command: Uuid,
    at: OffsetDateTime,
    repaired: i32,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO leaderboard_recomputations AS r (command_id, done_at, repaired, is_done) VALUES ($1, $2, $3, false)
         ON CONFLICT (command_id) DO UPDATE SET repaired = r.repaired + EXCLUDED.repaired",
        command,
        at,
        repaired,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that a recomputation is done, and forgets those that were done before `until`; says how many it repaired.
pub async fn note_recomputed(
    db: &mut PgConnection,
    command: Uuid,
    (at, until): (OffsetDateTime, OffsetDateTime),
) -> Result<i32, StoreError> {
    sqlx::query!("DELETE FROM leaderboard_recomputations WHERE done_at < $1", until).execute(&mut *db).await?;
    let repaired = sqlx::query_scalar!(
        "INSERT INTO leaderboard_recomputations (command_id, done_at, repaired) VALUES ($1, $2, 0)
         ON CONFLICT (command_id) DO UPDATE SET is_done = true RETURNING repaired",
        command,
        at,
    )
    .fetch_one(db)
    .await?;
    Ok(repaired)
}
