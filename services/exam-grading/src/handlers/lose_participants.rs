//! A gateway was not heard of for too long: whoever was in an exam through it has left.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::exam::LoseParticipants;
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::exit_exam::{Leaving, Left, leave};
use crate::store::participants;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = LoseParticipants;

    async fn handle(&self, batch: &[Received<LoseParticipants>]) -> Result<Vec<Outcome<()>>, Failure> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for one in batch {
            let LoseParticipants { exam_id, gateway_id } = one.command;
            let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
            let there = participants::through(&mut db, exam_id, gateway_id).await?;
            let leaving: Vec<_> = there
                .into_iter()
                .map(|(user, name)| Leaving { key: (exam_id, user), gateway: gateway_id, name })
                .collect();
            let Left { announced, proctors } = leave(&self.0, &mut db, &leaving).await?;
            db.commit().await.map_err(StoreError::from)?;
            tracing::warn!(exam = %exam_id, students = leaving.len(), "an exam's students were on a gateway that is lost");
            let told = announced.into_iter().filter_map(|(_, told)| told).chain(proctors);
            outcomes.push(told.fold(Outcome::done(()), Outcome::and));
        }
        Ok(outcomes)
    }
}
