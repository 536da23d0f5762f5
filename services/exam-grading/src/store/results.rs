//! Results.

use std::collections::HashMap;

use sinaesta_contracts::exam::Answer;
use sinaesta_contracts::exam_grading::{CategoryScore, ExamResult};
use sinaesta_contracts::{ExamId, Points, ResultId, SessionId, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::record::Link;

/// A result together with whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Graded {
    pub session_id: SessionId,
    pub user_name: String,
    pub user_avatar: Option<String>,
    pub result: ExamResult,
}

struct Row {
    id: Uuid,
    session_id: Uuid,
    exam_id: Uuid,
    user_id: Uuid,
    user_name: String,
    user_avatar: Option<String>,
    score_hundredths: i64,
    max_score_hundredths: i64,
    percentage: f64,
    total_questions: i16,
    correct_count: i16,
    answers: Json<Vec<Option<Answer>>>,
    breakdown: Json<Vec<CategoryScore>>,
    key_version: i32,
    record_head: Vec<u8>,
    completed_at: OffsetDateTime,
}

impl From<Row> for Graded {
    fn from(row: Row) -> Self {
        let session_id = SessionId(row.session_id);
        let head = Link::from_bytes(&row.record_head).unwrap_or_else(|| Link::genesis(session_id));
        let result = ExamResult {
            id: ResultId(row.id),
            exam_id: ExamId(row.exam_id),
            user_id: UserId(row.user_id),
            score: Points::from_hundredths(row.score_hundredths),
            max_score: Points::from_hundredths(row.max_score_hundredths),
            percentage: row.percentage,
            total_questions: u16::try_from(row.total_questions).unwrap_or_default(),
            correct_count: u16::try_from(row.correct_count).unwrap_or_default(),
            answers: row.answers.0,
            breakdown: row.breakdown.0,
            key_version: u32::try_from(row.key_version).unwrap_or_default(),
            record_head: head.to_string(),
            completed_at: Timestamp(row.completed_at),
        };
        Self { session_id, user_name: row.user_name, user_avatar: row.user_avatar, result }
    }
}

/// Stores what sessions were graded as, each with the stamp of the command that did it; gives how many of them were not
/// graded already.
pub async fn insert(db: &mut PgConnection, new: &[(&Graded, Link, OffsetDateTime)]) -> Result<usize, StoreError> {
    let results: Vec<&ExamResult> = new.iter().map(|(graded, ..)| &graded.result).collect();
    let done = sqlx::query!(
        "INSERT INTO exam_results
           (id, session_id, exam_id, user_id, score_hundredths, max_score_hundredths, percentage, total_questions,
            correct_count, answers, breakdown, key_version, record_head, completed_at, graded_at)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[],
           $6::bigint[], $7::double precision[], $8::smallint[], $9::smallint[], $10::jsonb[], $11::jsonb[],
           $12::integer[], $13::bytea[], $14::timestamptz[], $15::timestamptz[])
         ON CONFLICT DO NOTHING",
        &results.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &new.iter().map(|(graded, ..)| graded.session_id.0).collect::<Vec<_>>(),
        &results.iter().map(|one| one.exam_id.0).collect::<Vec<_>>(),
        &results.iter().map(|one| one.user_id.0).collect::<Vec<_>>(),
        &results.iter().map(|one| one.score.hundredths()).collect::<Vec<_>>(),
        &results.iter().map(|one| one.max_score.hundredths()).collect::<Vec<_>>(),
        &results.iter().map(|one| one.percentage).collect::<Vec<_>>(),
        &results.iter().map(|one| one.total_questions as i16).collect::<Vec<_>>(),
        &results.iter().map(|one| one.correct_count as i16).collect::<Vec<_>>(),
        &results.iter().map(|one| Json(&one.answers)).collect::<Vec<_>>() as &[Json<&Vec<Option<Answer>>>],
        &results.iter().map(|one| Json(&one.breakdown)).collect::<Vec<_>>() as &[Json<&Vec<CategoryScore>>],
        &results.iter().map(|one| one.key_version as i32).collect::<Vec<_>>(),
        &new.iter().map(|(_, head, _)| head.as_bytes()).collect::<Vec<_>>() as &[&[u8]],
        &results.iter().map(|one| one.completed_at.0).collect::<Vec<_>>(),
        &new.iter().map(|(.., graded_at)| *graded_at).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() as usize)
}

/// The results of sessions.
pub async fn of_sessions(db: &mut PgConnection, sessions: &[Uuid]) -> Result<HashMap<SessionId, Graded>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.session_id, r.exam_id, r.user_id, s.user_name, s.user_avatar, r.score_hundredths,
                  r.max_score_hundredths, r.percentage, r.total_questions, r.correct_count,
                  r.answers AS "answers: _", r.breakdown AS "breakdown: _", r.key_version, r.record_head, r.completed_at
           FROM exam_results r JOIN exam_sessions s ON s.id = r.session_id WHERE r.session_id = ANY($1)"#,
        sessions,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Graded::from).map(|one| (one.session_id, one)).collect())
}

/// The results of an exam, best first.
pub async fn of_exam(db: &mut PgConnection, exam: ExamId, limit: i64) -> Result<Vec<Graded>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.session_id, r.exam_id, r.user_id, s.user_name, s.user_avatar, r.score_hundredths,
                  r.max_score_hundredths, r.percentage, r.total_questions, r.correct_count,
                  r.answers AS "answers: _", r.breakdown AS "breakdown: _", r.key_version, r.record_head, r.completed_at
           FROM exam_results r JOIN exam_sessions s ON s.id = r.session_id
           WHERE r.exam_id = $1 ORDER BY r.score_hundredths DESC, r.completed_at, r.id LIMIT $2"#,
        exam.0,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Graded::from).collect())
}

/// A page of the results that were graded since a moment, by their ids.
pub async fn graded_since(
    db: &mut PgConnection,
    since: OffsetDateTime,
    after: Option<ResultId>,
    limit: i64,
) -> Result<Vec<Graded>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.session_id, r.exam_id, r.user_id, s.user_name, s.user_avatar, r.score_hundredths,
                  r.max_score_hundredths, r.percentage, r.total_questions, r.correct_count,
                  r.answers AS "answers: _", r.breakdown AS "breakdown: _", r.key_version, r.record_head, r.completed_at
           FROM exam_results r JOIN exam_sessions s ON s.id = r.session_id
           WHERE r.graded_at >= $1 AND ($2::uuid IS NULL OR r.id > $2) ORDER BY r.id LIMIT $3"#,
        since,
        after.map(|id| id.0),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Graded::from).collect())
}

/// Stores what results were graded as anew.
pub async fn update(
    db: &mut PgConnection,
    regraded: &[&ExamResult],
    graded_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE exam_results r SET score_hundredths = new.score, percentage = new.percentage,
                correct_count = new.correct, breakdown = new.breakdown, key_version = new.version, graded_at = $7
         FROM UNNEST($1::uuid[], $2::bigint[], $3::double precision[], $4::smallint[], $5::jsonb[], $6::integer[])
           AS new (id, score, percentage, correct, breakdown, version)
         WHERE r.id = new.id",
        &regraded.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &regraded.iter().map(|one| one.score.hundredths()).collect::<Vec<_>>(),
        &regraded.iter().map(|one| one.percentage).collect::<Vec<_>>(),
        &regraded.iter().map(|one| one.correct_count as i16).collect::<Vec<_>>(),
        &regraded.iter().map(|one| Json(&one.breakdown)).collect::<Vec<_>>() as &[Json<&Vec<CategoryScore>>],
        &regraded.iter().map(|one| one.key_version as i32).collect::<Vec<_>>(),
        graded_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
