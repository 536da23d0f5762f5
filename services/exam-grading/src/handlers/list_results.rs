//! An exam's results, best first.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::exam_grading::{ListResults, ResultList, ResultRow};
use sinaesta_contracts::{Actor, ErrorBody, page};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{check_staff, visible};
use crate::store::results::{self, Graded};

/// How many results are listed, and in how many bytes: as many as one message of the broker holds with ease.
const LISTED: usize = 10_000;
const BYTES: usize = 4 * 1024 * 1024;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ListResults;

    async fn handle(&self, actor: Actor, query: ListResults) -> Result<Result<ResultList, ErrorBody>, Failure> {
        if let Err(error) = check_staff(&actor)
            && !mutant!("exam-results-for-students")
        {
            return Ok(Err(error));
        }
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        if let Err(error) = visible(&mut db, query.exam_id, &actor).await? {
            return Ok(Err(error));
        }
        let found = results::of_exam(&mut db, query.exam_id, LISTED as i64 + 1).await?;
        let mut results: Vec<_> = found.into_iter().map(row).collect();
        let has_more = page::cut(&mut results, LISTED, BYTES);
        Ok(Ok(ResultList { exam_id: query.exam_id, results, has_more }))
    }
}

fn row(Graded { user_name, result, .. }: Graded) -> ResultRow {
    ResultRow {
        user_id: result.user_id,
        user_name,
        score: result.score,
        max_score: result.max_score,
        percentage: result.percentage,
        correct_count: result.correct_count,
        total_questions: result.total_questions,
        key_version: result.key_version,
        completed_at: result.completed_at,
    }
}
