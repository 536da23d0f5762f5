//! Boards as they are stored.

use std::collections::HashMap;

use sinaesta_contracts::leaderboard::{BoardId, Period, Standing};
use sinaesta_contracts::{Points, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::board::{Digest, Score};
use crate::domain::bounds;
use crate::domain::calendar::Bounds;

/// Somebody's entry on a board of one period: what is to be counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub board: BoardId,
    pub start: OffsetDateTime,
    pub end: OffsetDateTime,
    pub user: UserId,
}

impl Wanted {
    /// An entry of the period with these bounds.
    pub const fn new(board: BoardId, bounds: Bounds, user: UserId) -> Self {
        Self { board, start: bounds.start, end: bounds.end, user }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    period: String,
    period_start: OffsetDateTime,
    specialty: String,
    user_id: Uuid,
    total_hundredths: i64,
    exams_completed: i32,
    reached_at: OffsetDateTime,
    version: i64,
}

impl From<Row> for Standing {
    fn from(row: Row) -> Self {
        let period = Period::from_name(&row.period).unwrap_or(Period::AllTime);
        Self {
            board: BoardId { period, specialty: Some(row.specialty).filter(|name| !name.is_empty()) },
            period_start: Timestamp(row.period_start),
            user_id: UserId(row.user_id),
            total_score: Points::from_hundredths(row.total_hundredths),
            exams_completed: u32::try_from(row.exams_completed).unwrap_or_default(),
            reached_at: Timestamp(row.reached_at),
            version: row.version,
        }
    }
}

fn specialty(board: &BoardId) -> &str {
    board.specialty.as_deref().unwrap_or_default()
}

/// An entry as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub standing: Standing,
    /// The stamp of the result that it was counted for.
    pub at: OffsetDateTime,
    /// Of an entry that was changed by the very result that it was counted for, now or before: how it stood before that;
    /// empty, if it was not there.
    pub moved_from: Option<Option<Score>>,
}

/// Counts entries anew from the results: of each exam the best attempt within the period. What is as it was stays as it
/// is, version included. Each is counted for the result that was stamped at that moment. Gives all of them, in an order
/// that is always the same.
pub async fn count(
    db: &mut PgConnection,
    wanted: &HashMap<Wanted, OffsetDateTime>,
) -> Result<Vec<Counted>, StoreError> {
    let periods: Vec<&str> = wanted.keys().map(|one| one.board.period.as_str()).collect();
    let starts: Vec<OffsetDateTime> = wanted.keys().map(|one| one.start).collect();
    let specialties: Vec<&str> = wanted.keys().map(|one| specialty(&one.board)).collect();
    let users: Vec<Uuid> = wanted.keys().map(|one| one.user.0).collect();
    let stamps: Vec<OffsetDateTime> = wanted.values().copied().collect();
    sqlx::query!(
        r#"WITH wanted AS (
             SELECT * FROM UNNEST($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::uuid[], $6::timestamptz[])
               AS w (period, period_start, period_end, specialty, user_id, stamped_at)
           ), best AS (
             SELECT DISTINCT ON (w.period, w.period_start, w.specialty, w.user_id, r.exam_id)
                    w.period, w.period_start, w.specialty, w.user_id, w.stamped_at, r.score_hundredths AS score, r.completed_at
             FROM wanted w JOIN leaderboard_results r ON r.user_id = w.user_id
               AND r.completed_at >= w.period_start AND r.completed_at < w.period_end
               AND (w.specialty = '' OR r.specialty = w.specialty)
             ORDER BY w.period, w.period_start, w.specialty, w.user_id, r.exam_id, r.score_hundredths DESC, r.completed_at
           ), sums AS (
             SELECT period, period_start, specialty, user_id, max(stamped_at) AS stamped_at, sum(score)::bigint AS total,
                    count(*)::integer AS exams,
                    COALESCE(max(completed_at) FILTER (WHERE score > 0), min(completed_at)) AS reached_at
             FROM best GROUP BY period, period_start, specialty, user_id
           )
           INSERT INTO leaderboard_entries AS e
             (period, period_start, specialty, user_id, total_hundredths, exams_completed, reached_at, version, changed_at)
           SELECT period, period_start, specialty, user_id, total, exams, reached_at, nextval('leaderboard_version'), stamped_at
           FROM sums
           ON CONFLICT (period, period_start, specialty, user_id) DO UPDATE SET
             total_hundredths = EXCLUDED.total_hundredths, exams_completed = EXCLUDED.exams_completed,
             reached_at = EXCLUDED.reached_at, version = EXCLUDED.version, changed_at = EXCLUDED.changed_at,
             old_total_hundredths = e.total_hundredths, old_exams_completed = e.exams_completed,
             old_reached_at = e.reached_at
           WHERE (e.total_hundredths, e.exams_completed, e.reached_at)
             IS DISTINCT FROM (EXCLUDED.total_hundredths, EXCLUDED.exams_completed, EXCLUDED.reached_at)"#,
        &periods as &[&str],
        &starts as &[OffsetDateTime],
        &wanted.keys().map(|one| one.end).collect::<Vec<_>>() as &[OffsetDateTime],
        &specialties as &[&str],
        &users as &[Uuid],
        &stamps as &[OffsetDateTime],
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT e.period, e.period_start, e.specialty, e.user_id, e.total_hundredths, e.exams_completed, e.reached_at,
                  e.version, w.stamped_at AS "stamped_at!", e.changed_at IS NOT DISTINCT FROM w.stamped_at AS "is_moved!", e.old_total_hundredths,
                  e.old_exams_completed, e.old_reached_at
           FROM UNNEST($1::text[], $2::timestamptz[], $3::text[], $4::uuid[], $5::timestamptz[])
             AS w (period, period_start, specialty, user_id, stamped_at)
           JOIN leaderboard_entries e USING (period, period_start, specialty, user_id)
           ORDER BY e.user_id, e.period, e.period_start, e.specialty"#,
        &periods as &[&str],
        &starts as &[OffsetDateTime],
        &specialties as &[&str],
        &users as &[Uuid],
        &stamps as &[OffsetDateTime],
    )
    .fetch_all(db)
    .await?;
    let counted = rows.into_iter().map(|row| {
        let old = row.old_total_hundredths.zip(row.old_exams_completed).zip(row.old_reached_at);
        let old = old.map(|((total, exams), at)| score(total, exams, at));
        let standing = Standing::from(Row {
            period: row.period,
            period_start: row.period_start,
            specialty: row.specialty,
            user_id: row.user_id,
            total_hundredths: row.total_hundredths,
            exams_completed: row.exams_completed,
            reached_at: row.reached_at,
            version: row.version,
        });
        Counted { standing, at: row.stamped_at, moved_from: row.is_moved.then_some(old) }
    });
    Ok(counted.collect())
}

fn score(total_hundredths: i64, exams_completed: i32, reached_at: OffsetDateTime) -> Score {
    Score {
        total: Points::from_hundredths(total_hundredths),
        exams_completed: u32::try_from(exams_completed).unwrap_or_default(),
        reached_at,
    }
}

/// Counts all entries of people who are held anew; gives those that were not as the results say. Nobody is passed by that. One that had
/// no results is gone, and is given with no exams.
pub async fn count_all(db: &mut PgConnection, time_zone: &str, users: &[Uuid]) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"WITH boards AS (
             SELECT p.period, s.specialty, r.user_id, r.exam_id, r.score_hundredths, r.completed_at,
                    CASE p.period WHEN 'weekly' THEN date_trunc('week', r.completed_at AT TIME ZONE $1) AT TIME ZONE $1
                                  WHEN 'monthly' THEN date_trunc('month', r.completed_at AT TIME ZONE $1) AT TIME ZONE $1
                                  ELSE to_timestamp(0) END AS period_start
             FROM leaderboard_results r
             CROSS JOIN (VALUES ('weekly'), ('monthly'), ('all_time')) p (period)
             CROSS JOIN LATERAL (
               SELECT '' UNION SELECT r.specialty WHERE char_length(r.specialty) <= $2::integer
             ) s (specialty)
             WHERE r.user_id = ANY($3)
           ), best AS (
             SELECT DISTINCT ON (period, period_start, specialty, user_id, exam_id)
                    period, period_start, specialty, user_id, score_hundredths AS score, completed_at
             FROM boards
             ORDER BY period, period_start, specialty, user_id, exam_id, score_hundredths DESC, completed_at
           ), expected AS MATERIALIZED (
             SELECT period, period_start, specialty, user_id, sum(score)::bigint AS total, count(*)::integer AS exams,
                    COALESCE(max(completed_at) FILTER (WHERE score > 0), min(completed_at)) AS reached_at
             FROM best GROUP BY period, period_start, specialty, user_id
           ), found AS MATERIALIZED (
             SELECT * FROM leaderboard_entries WHERE user_id = ANY($3)
           ), changed AS (
             INSERT INTO leaderboard_entries AS e
               (period, period_start, specialty, user_id, total_hundredths, exams_completed, reached_at, version)
             SELECT x.period, x.period_start, x.specialty, x.user_id, x.total, x.exams, x.reached_at,
                    nextval('leaderboard_version')
             FROM expected x LEFT JOIN found f USING (period, period_start, specialty, user_id)
             WHERE (f.total_hundredths, f.exams_completed, f.reached_at) IS DISTINCT FROM (x.total, x.exams, x.reached_at)
             ON CONFLICT (period, period_start, specialty, user_id) DO UPDATE SET
               total_hundredths = EXCLUDED.total_hundredths, exams_completed = EXCLUDED.exams_completed,
               reached_at = EXCLUDED.reached_at, version = EXCLUDED.version, changed_at = NULL,
               old_total_hundredths = NULL, old_exams_completed = NULL, old_reached_at = NULL
             RETURNING period, period_start, specialty, user_id, total_hundredths, exams_completed, reached_at, version
           ), gone AS (
             DELETE FROM leaderboard_entries e
             USING found f LEFT JOIN expected x USING (period, period_start, specialty, user_id)
             WHERE x.user_id IS NULL AND (e.period, e.period_start, e.specialty, e.user_id)
               = (f.period, f.period_start, f.specialty, f.user_id)
             RETURNING e.period, e.period_start, e.specialty, e.user_id, e.total_hundredths, 0, e.reached_at,
                       nextval('leaderboard_version')
           )
           SELECT period AS "period!", period_start AS "period_start!", specialty AS "specialty!", user_id AS "user_id!",
                  total_hundredths AS "total_hundredths!", exams_completed AS "exams_completed!",
                  reached_at AS "reached_at!", version AS "version!"
           FROM (SELECT * FROM changed UNION ALL SELECT * FROM gone) all_of_them"#,
        time_zone,
        bounds::SPECIALTY as i32,
        users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Standing::from).collect())
}

/// A page of a board in the order of ids.
pub async fn page(
    db: &mut PgConnection,
    board: &BoardId,
    start: OffsetDateTime,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT period, period_start, specialty, user_id, total_hundredths, exams_completed, reached_at, version
         FROM leaderboard_entries
         WHERE period = $1 AND period_start = $2 AND specialty = $3 AND user_id > $4 ORDER BY user_id LIMIT $5",
        board.period.as_str(),
        start,
        specialty(board),
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Standing::from).collect())
}

/// The boards of a period that have entries.
pub async fn boards(db: &mut PgConnection, period: Period, start: OffsetDateTime) -> Result<Vec<BoardId>, StoreError> {
    // Each is found by one look into the index, however many entries it has.
    let names = sqlx::query_scalar!(
        r#"WITH RECURSIVE names AS (
             (SELECT specialty FROM leaderboard_entries WHERE period = $1 AND period_start = $2
              ORDER BY specialty LIMIT 1)
             UNION ALL
             SELECT (SELECT e.specialty FROM leaderboard_entries e WHERE e.period = $1 AND e.period_start = $2
                       AND e.specialty > names.specialty ORDER BY e.specialty LIMIT 1)
             FROM names WHERE names.specialty IS NOT NULL
           )
           SELECT specialty AS "specialty!" FROM names WHERE specialty IS NOT NULL"#,
        period.as_str(),
        start,
    )
    .fetch_all(db)
    .await?;
    let board = |name: String| BoardId { period, specialty: Some(name).filter(|name| !name.is_empty()) };
    Ok(names.into_iter().map(board).collect())
}

/// What a board in memory is compared by.
pub async fn digest(db: &mut PgConnection, board: &BoardId, start: OffsetDateTime) -> Result<Digest, StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "entries!", COALESCE(max(version), 0) AS "newest!",
                  COALESCE(sum(version), 0)::text AS "versions!", COALESCE(sum(total_hundredths), 0)::text AS "totals!"
           FROM leaderboard_entries WHERE period = $1 AND period_start = $2 AND specialty = $3"#,
        board.period.as_str(),
        start,
        specialty(board),
    )
    .fetch_one(db)
    .await?;
    Ok(Digest {
        entries: row.entries,
        newest_version: row.newest,
        sum_of_versions: row.versions.parse().unwrap_or_default(),
        sum_of_totals: row.totals.parse().unwrap_or_default(),
    })
}

/// A board of a period that is over, best first.
pub async fn ranked(
    db: &mut PgConnection,
    board: &BoardId,
    start: OffsetDateTime,
) -> Result<Vec<(UserId, Score)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT user_id, total_hundredths, exams_completed, reached_at
         FROM leaderboard_entries WHERE period = $1 AND period_start = $2 AND specialty = $3
         ORDER BY total_hundredths DESC, (CASE WHEN total_hundredths = 0 THEN 0 ELSE exams_completed END), reached_at, user_id",
        board.period.as_str(),
        start,
        specialty(board),
    )
    .fetch_all(db)
    .await?;
    let place = |user, total, exams, at| (UserId(user), score(total, exams, at));
    Ok(rows
        .into_iter()
        .map(|row| place(row.user_id, row.total_hundredths, row.exams_completed, row.reached_at))
        .collect())
}
