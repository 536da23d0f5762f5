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

/// Lets nobody keep results, and nobody else count all of them, until the transaction ends.
pub async fn hold_all(db: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("LOCK TABLE leaderboard_results IN SHARE ROW EXCLUSIVE MODE").execute(db).await?;
    Ok(())
}

/// How many entries a recomputation has repaired, if it is done. Results must be held.
pub async fn recomputed(db: &mut PgConnection, command: Uuid) -> Result<Option<i32>, StoreError> {
    let repaired =
        sqlx::query_scalar!("SELECT repaired FROM leaderboard_recomputations WHERE command_id = $1", command)
            .fetch_optional(db)
            .await?;
    Ok(repaired)
}

/// Notes that a recomputation is done, and forgets those that were done before `until`.
pub async fn note_recomputed(
    db: &mut PgConnection,
    command: Uuid,
    (at, until): (OffsetDateTime, OffsetDateTime),
    repaired: i32,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM leaderboard_recomputations WHERE done_at < $1", until).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO leaderboard_recomputations (command_id, done_at, repaired) VALUES ($1, $2, $3)
         ON CONFLICT (command_id) DO NOTHING",
        command,
        at,
        repaired,
    )
    .execute(db)
    .await?;
    Ok(())
}
