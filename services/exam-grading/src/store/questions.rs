//! Questions with their keys.

use std::collections::HashMap;

use sinaesta_contracts::exam_authoring::{Correction, Key, NewQuestion};
use sinaesta_contracts::{ExamId, Points};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// The questions of each exam, in their order.
pub async fn load(db: &mut PgConnection, exams: &[Uuid]) -> Result<HashMap<ExamId, Vec<NewQuestion>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT exam_id, text, options AS "options: Json<Vec<String>>", key AS "key: Json<Key>", points_hundredths,
                  category, explanation
           FROM questions WHERE exam_id = ANY($1) ORDER BY exam_id, index"#,
        exams,
    )
    .fetch_all(db)
    .await?;
    let mut questions: HashMap<ExamId, Vec<NewQuestion>> = HashMap::new();
    for row in rows {
        let question = NewQuestion {
            text: row.text,
            options: row.options.0,
            key: row.key.0,
            points: Points::from_hundredths(row.points_hundredths),
            category: row.category,
            explanation: row.explanation,
        };
        questions.entry(ExamId(row.exam_id)).or_default().push(question);
    }
    Ok(questions)
}

/// Puts questions in place of those that an exam has; the exam is held, or made by the same transaction. Gives how many
/// are stored.
pub async fn replace(db: &mut PgConnection, exam: ExamId, questions: &[NewQuestion]) -> Result<usize, StoreError> {
    sqlx::query!("DELETE FROM questions WHERE exam_id = $1", exam.0).execute(&mut *db).await?;
    let mut stored = 0;
    for (index, question) in (0_i16..).zip(questions) {
        let done = sqlx::query!(
            "INSERT INTO questions (exam_id, index, text, options, key, points_hundredths, category, explanation)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            exam.0,
            index,
            question.text,
            Json(&question.options) as _,
            Json(&question.key) as _,
            question.points.hundredths(),
            question.category,
            question.explanation,
        )
        .execute(&mut *db)
        .await?;
        stored += done.rows_affected() as usize;
    }
    Ok(stored)
}

/// Corrects keys.
pub async fn correct(db: &mut PgConnection, exam: ExamId, corrections: &[Correction]) -> Result<(), StoreError> {
    for correction in corrections {
        sqlx::query!(
            "UPDATE questions SET key = $3 WHERE exam_id = $1 AND index = $2",
            exam.0,
            i16::try_from(correction.question_index).unwrap_or(i16::MAX),
            Json(&correction.key) as _,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
