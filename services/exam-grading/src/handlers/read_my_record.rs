//! The caller's own record: every answer as it was given.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::exam_grading::{ExamRecord, ReadMyRecord, RecordEntry};
use sinaesta_contracts::{Actor, ErrorBody, Timestamp};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::record::Link;
use crate::domain::session::Change;
use crate::handlers::not_joined;
use crate::store::{answers, results, sessions};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadMyRecord;

    async fn handle(&self, actor: Actor, query: ReadMyRecord) -> Result<Result<ExamRecord, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let Some(session) = sessions::find(&mut db, (query.exam_id, actor.user_id)).await? else {
            return Ok(Err(not_joined()));
        };
        let ids = [session.id.0];
        let mut history = answers::history(&mut db, &ids).await?.remove(&session.id).unwrap_or_default();
        // What was appended since the session was read is not part of the record that its head is of.
        history.retain(|change| change.number <= session.change_count);
        let graded = match session.completion {
            Some(_) => results::of_sessions(&mut db, &ids).await?.remove(&session.id),
            None => None,
        };
        Ok(Ok(ExamRecord {
            exam_id: session.exam_id,
            session_id: session.id,
            user_id: session.user_id,
            genesis: Link::genesis(session.id).to_string(),
            entries: history.into_iter().map(entry).collect(),
            head: session.record_head.to_string(),
            result: graded.map(|graded| graded.result),
        }))
    }
}

fn entry(change: Change) -> RecordEntry {
    RecordEntry {
        number: change.number,
        question_index: change.question_index,
        answer: change.answer,
        source: change.source,
        given_at: Timestamp(change.given_at),
        hash: change.hash.to_string(),
    }
}
