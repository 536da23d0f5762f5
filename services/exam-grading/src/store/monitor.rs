//! What proctors see of a session beside the session itself.

use std::collections::HashMap;

use sinaesta_contracts::{Points, SessionId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether the student is there, and what the session was graded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub is_connected: bool,
    pub score: Option<Points>,
}

/// The standing of each session.
pub async fn standings(db: &mut PgConnection, sessions: &[Uuid]) -> Result<HashMap<SessionId, Standing>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT s.id AS "id!", r.score_hundredths AS "score?",
                  EXISTS (SELECT FROM exam_participants p WHERE p.exam_id = s.exam_id AND p.user_id = s.user_id)
                    AS "is_connected!"
           FROM exam_sessions s LEFT JOIN exam_results r ON r.session_id = s.id WHERE s.id = ANY($1)"#,
        sessions,
    )
    .fetch_all(db)
    .await?;
    let standing =
        |connected, score: Option<i64>| Standing { is_connected: connected, score: score.map(Points::from_hundredths) };
    Ok(rows.into_iter().map(|row| (SessionId(row.id), standing(row.is_connected, row.score))).collect())
}
