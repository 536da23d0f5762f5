//! Exams, without their questions.

use std::collections::HashMap;

use sinaesta_contracts::exam::ExamInfo;
use sinaesta_contracts::exam_authoring::{ExamStatus, NewExam, Schedule};
use sinaesta_contracts::{Actor, ExamId, Points, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// An exam as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ExamRow {
    pub info: ExamInfo,
    pub status: ExamStatus,
    /// The command that announced the beginning of a synchronised exam, once it was.
    pub started_by: Option<Uuid>,
    pub key_version: u32,
    pub created_at: OffsetDateTime,
    pub author: UserId,
    /// Who else may change it.
    pub co_authors: Vec<UserId>,
}

/// Which exams a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    Published,
    /// And the drafts that somebody writes.
    PublishedAndOf(UserId),
    All,
}

impl ExamRow {
    /// Whether somebody may change it: its author, those whom the author named, and admins.
    pub fn is_written_by(&self, actor: &Actor) -> bool {
        self.author == actor.user_id || self.co_authors.contains(&actor.user_id) || actor.role.is_admin()
    }

    /// Whether students may know of it.
    pub fn is_published(&self) -> bool {
        self.status == ExamStatus::Published
    }
}

/// How a transaction holds exams until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Others may read and hold them in the same way, but not change them.
    Shared,
    /// Nobody else may hold them.
    Alone,
}

/// Holds exams, always in the same order, so that two transactions can't wait for each other.
pub async fn hold(db: &mut PgConnection, ids: &[Uuid], how: Hold) -> Result<(), StoreError> {
    match how {
        Hold::Shared => {
            sqlx::query!("SELECT id FROM exams WHERE id = ANY($1) ORDER BY id FOR SHARE", ids).fetch_all(db).await?;
        }
        Hold::Alone => {
            sqlx::query!("SELECT id FROM exams WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", ids)
                .fetch_all(db)
                .await?;
        }
    }
    Ok(())
}

/// The exams among `ids` that exist.
pub async fn find(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<ExamId, ExamRow>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.title, e.description, e.specialty, e.status, e.duration_minutes, e.negative_marking_percent,
                  e.scheduled_start, e.scheduled_end, e.started_by, e.key_version, e.created_at, e.created_by, e.co_authors,
                  q.total AS "total!", q.points::bigint AS "points!"
           FROM exams e CROSS JOIN LATERAL (
             SELECT count(*) AS total, COALESCE(sum(points_hundredths), 0) AS points FROM questions WHERE exam_id = e.id
           ) q
           WHERE e.id = ANY($1)"#,
        ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let info = ExamInfo {
                id: ExamId(row.id),
                title: row.title,
                description: row.description,
                specialty: row.specialty,
                duration_minutes: u32::try_from(row.duration_minutes).unwrap_or_default(),
                total_questions: u16::try_from(row.total).unwrap_or(u16::MAX),
                max_score: Points::from_hundredths(row.points),
                negative_marking_percent: u8::try_from(row.negative_marking_percent).unwrap_or_default(),
                scheduled_start: row.scheduled_start.map(Timestamp),
                scheduled_end: row.scheduled_end.map(Timestamp),
            };
            let status = if row.status == "PUBLISHED" { ExamStatus::Published } else { ExamStatus::Draft };
            let key_version = u32::try_from(row.key_version).unwrap_or_default();
            let exam = ExamRow {
                info,
                status,
                started_by: row.started_by,
                key_version,
                created_at: row.created_at,
                author: UserId(row.created_by),
                co_authors: row.co_authors.into_iter().map(UserId).collect(),
            };
            (exam.info.id, exam)
        })
        .collect())
}

/// The ids of a page of exams, newest first.
pub async fn list(
    db: &mut PgConnection,
    specialty: Option<&str>,
    before: Option<ExamId>,
    listed: Listed,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let writer = match listed {
        Listed::PublishedAndOf(user) => Some(user.0),
        Listed::Published | Listed::All => None,
    };
    // Ids are made in the order of time, so they page by it.
    let ids = sqlx::query_scalar!(
        "SELECT id FROM exams
         WHERE ($1::text IS NULL OR specialty = $1) AND ($2::uuid IS NULL OR id < $2)
           AND (status = 'PUBLISHED' OR $3 OR created_by = $4 OR $4 = ANY(co_authors))
         ORDER BY id DESC LIMIT $5",
        specialty,
        before.map(|id| id.0),
        listed == Listed::All,
        writer,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

/// Makes a draft; false if this very exam was made already.
pub async fn insert(
    db: &mut PgConnection,
    id: ExamId,
    exam: &NewExam,
    by: UserId,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO exams (id, title, description, specialty, status, duration_minutes, negative_marking_percent,
                            created_by, created_at)
         VALUES ($1, $2, $3, $4, 'DRAFT', $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        id.0,
        exam.title.as_str(),
        exam.description.as_ref().map(|text| text.as_str()),
        exam.specialty.as_str(),
        i32::try_from(u32::from(exam.duration_minutes)).unwrap_or(i32::MAX),
        i16::try_from(exam.negative_marking_percent.get()).unwrap_or_default(),
        by.0,
        at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets students take an exam.
pub async fn publish(db: &mut PgConnection, id: ExamId) -> Result<(), StoreError> {
    sqlx::query!("UPDATE exams SET status = 'PUBLISHED' WHERE id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Who may change an exam besides its author.
pub async fn set_co_authors(db: &mut PgConnection, id: ExamId, users: &[UserId]) -> Result<(), StoreError> {
    let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
    sqlx::query!("UPDATE exams SET co_authors = $2 WHERE id = $1", id.0, &users).execute(db).await?;
    Ok(())
}

/// When a synchronised exam takes place; `scheduled_end` must be given.
pub async fn schedule(db: &mut PgConnection, id: ExamId, schedule: &Schedule) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE exams SET scheduled_start = $2, scheduled_end = $3, started_at = NULL, started_by = NULL WHERE id = $1",
        id.0,
        schedule.scheduled_start.0,
        schedule.scheduled_end.map(|at| at.0),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a synchronised exam later.
pub async fn extend(db: &mut PgConnection, id: ExamId, minutes: i32) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE exams SET scheduled_end = scheduled_end + make_interval(mins => $2) WHERE id = $1",
        id.0,
        minutes
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that the beginning of an exam is announced.
pub async fn start(db: &mut PgConnection, id: ExamId, by: Uuid, at: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE exams SET started_at = $3, started_by = $2 WHERE id = $1 AND started_by IS NULL",
        id.0,
        by,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A page of the exams whose moment has come and was not announced, with that moment: those that follow one.
pub async fn to_start(
    db: &mut PgConnection,
    now: OffsetDateTime,
    after: Option<(ExamId, OffsetDateTime)>,
    limit: i64,
) -> Result<Vec<(ExamId, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, scheduled_start AS "at!" FROM exams
           WHERE started_at IS NULL AND scheduled_start <= $1 AND status = 'PUBLISHED'
             AND ($2::timestamptz IS NULL OR (scheduled_start, id) > ($2, $3::uuid))
           ORDER BY scheduled_start, id LIMIT $4"#,
        now,
        after.map(|(_, at)| at),
        after.map(|(id, _)| id.0),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (ExamId(row.id), row.at)).collect())
}

/// Counts one more version of the key.
pub async fn set_key_version(db: &mut PgConnection, id: ExamId, version: u32) -> Result<(), StoreError> {
    sqlx::query!("UPDATE exams SET key_version = $2 WHERE id = $1", id.0, i32::try_from(version).unwrap_or(i32::MAX))
        .execute(db)
        .await?;
    Ok(())
}

/// The exams that students can take and whose moment is after `at`.
pub async fn to_come(db: &mut PgConnection, at: OffsetDateTime) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!("SELECT id FROM exams WHERE status = 'PUBLISHED' AND scheduled_start > $1", at);
    Ok(ids.fetch_all(db).await?)
}
