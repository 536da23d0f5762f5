//! Answers as they were given; none is ever changed.

use std::collections::HashMap;

use sinaesta_contracts::SessionId;
use sinaesta_contracts::exam::Answer;
use sinaesta_contracts::exam_grading::AnswerSource;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::record::Link;
use crate::domain::session::Change;

/// An answer that is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub session_id: SessionId,
    pub question_index: u16,
    pub answer: Option<Answer>,
    pub source: AnswerSource,
    pub given_at: OffsetDateTime,
}

/// What is stored by those commands among `ids` that have stored an answer; of one that has stored several, one of them.
pub async fn stored(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Stored>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT given_by, session_id, question_index, answer AS "answer: Json<Answer>", source, given_at
           FROM exam_answers WHERE given_by = ANY($1)"#,
        ids,
    )
    .fetch_all(db)
    .await?;
    let stored = rows.into_iter().map(|row| {
        let stored = Stored {
            session_id: SessionId(row.session_id),
            question_index: u16::try_from(row.question_index).unwrap_or_default(),
            answer: row.answer.map(|answer| answer.0),
            source: AnswerSource::from_name(&row.source).unwrap_or(AnswerSource::Answer),
            given_at: row.given_at,
        };
        (row.given_by, stored)
    });
    Ok(stored.collect())
}

/// Stores answers; gives how many of them were not stored already.
pub async fn append(db: &mut PgConnection, changes: &[Change]) -> Result<usize, StoreError> {
    let text = |change: &Change| change.answer.as_ref().and_then(|answer| serde_json::to_string(answer).ok());
    let done = sqlx::query!(
        "INSERT INTO exam_answers (session_id, number, question_index, answer, source, given_at, given_by, hash)
         SELECT s, n, q, a::jsonb, o, t, b, h FROM UNNEST($1::uuid[], $2::integer[], $3::smallint[], $4::text[],
           $5::text[], $6::timestamptz[], $7::uuid[], $8::bytea[]) AS new (s, n, q, a, o, t, b, h)
         ON CONFLICT DO NOTHING",
        &changes.iter().map(|one| one.session_id.0).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.number as i32).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.question_index as i16).collect::<Vec<_>>(),
        &changes.iter().map(text).collect::<Vec<_>>() as &[Option<String>],
        &changes.iter().map(|one| one.source.as_str()).collect::<Vec<_>>() as &[&str],
        &changes.iter().map(|one| one.given_at).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.by).collect::<Vec<_>>(),
        &changes.iter().map(|one| one.hash.as_bytes()).collect::<Vec<_>>() as &[&[u8]],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() as usize)
}

/// The answer of each question that counts, by session: what was taken back is empty, as is what was never given.
pub async fn latest(
    db: &mut PgConnection,
    sessions: &[Uuid],
) -> Result<HashMap<SessionId, Vec<Option<Answer>>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (session_id, question_index) session_id, question_index,
                  answer AS "answer: Json<Answer>"
           FROM exam_answers WHERE session_id = ANY($1) ORDER BY session_id, question_index, number DESC"#,
        sessions,
    )
    .fetch_all(db)
    .await?;
    let mut sheets: HashMap<SessionId, Vec<Option<Answer>>> = HashMap::new();
    for row in rows {
        let sheet = sheets.entry(SessionId(row.session_id)).or_default();
        // In the order of the questions: whatever lies between two was not answered.
        sheet.resize(usize::try_from(row.question_index).unwrap_or_default(), None);
        sheet.push(row.answer.map(|answer| answer.0));
    }
    Ok(sheets)
}

/// Every answer of each session, oldest first.
pub async fn history(db: &mut PgConnection, sessions: &[Uuid]) -> Result<HashMap<SessionId, Vec<Change>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT session_id, number, question_index, answer AS "answer: Json<Answer>", source, given_at, given_by, hash
           FROM exam_answers WHERE session_id = ANY($1) ORDER BY session_id, number"#,
        sessions,
    )
    .fetch_all(db)
    .await?;
    let mut histories: HashMap<SessionId, Vec<Change>> = HashMap::new();
    for row in rows {
        let session_id = SessionId(row.session_id);
        let change = Change {
            session_id,
            number: u32::try_from(row.number).unwrap_or_default(),
            question_index: u16::try_from(row.question_index).unwrap_or_default(),
            answer: row.answer.map(|answer| answer.0),
            source: AnswerSource::from_name(&row.source).unwrap_or(AnswerSource::Answer),
            given_at: row.given_at,
            by: row.given_by,
            hash: Link::from_bytes(&row.hash).unwrap_or_else(|| Link::genesis(session_id)),
        };
        histories.entry(session_id).or_default().push(change);
    }
    Ok(histories)
}
