//! `exam-monitor`: everyone in an exam, as their proctors see them.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::proctoring::{ExamMonitorSnapshot, MonitorExam};
use sinaesta_contracts::{Actor, ErrorBody, Timestamp, page};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{check_staff, seen, visible};
use crate::store::{monitor, participants, sessions};

/// How many participants a snapshot lists, those first who were active last, and in how many bytes: a socket that reads slowly
/// holds as much.
const LISTED: usize = 10_000;
const BYTES: usize = 768 * 1024;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = MonitorExam;

    async fn handle(
        &self,
        actor: Actor,
        query: MonitorExam,
    ) -> Result<Result<ExamMonitorSnapshot, ErrorBody>, Failure> {
        if let Err(error) = check_staff(&actor)
            && !mutant!("exam-monitored-by-students")
        {
            return Ok(Err(error));
        }
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        if let Err(error) = visible(&mut db, query.exam_id, &actor).await? {
            return Ok(Err(error));
        }
        let found = sessions::of_exam(&mut db, query.exam_id, None, LISTED as i64 + 1).await?;
        let ids: Vec<_> = found.iter().map(|session| session.id.0).collect();
        let standings = monitor::standings(&mut db, &ids).await?;
        let counts = participants::counts(&mut db, &[query.exam_id.0]).await?;
        let now = self.0.clock.now();
        let mut participants: Vec<_> =
            found.iter().map(|session| seen(session, standings.get(&session.id), now)).collect();
        let has_more = page::cut(&mut participants, LISTED, BYTES);
        Ok(Ok(ExamMonitorSnapshot {
            exam_id: query.exam_id,
            participants,
            has_more,
            participant_count: counts.get(&query.exam_id).copied().unwrap_or_default(),
            server_time: Timestamp(now),
        }))
    }
}
