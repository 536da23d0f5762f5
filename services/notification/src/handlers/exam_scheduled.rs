//! `event.exam.scheduled`: its reminders are those of its new moment.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::exam_authoring::ExamScheduled;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::reminder;
use crate::store::{exams, inboxes};

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = ExamScheduled;

    async fn handle(&self, batch: &[Heard<ExamScheduled>]) -> Result<Vec<Outbound>, Failure> {
        for Heard { event, .. } in batch {
            let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
            if exams::schedule(&mut db, event).await? {
                let due: Vec<_> = reminder::due(event.scheduled_start.0, event.decided_at.0).collect();
                mutant!("reminder-of-the-old-moment", continue);
                exams::replace_reminders(&mut db, event.exam_id, &due).await?;
                let waiting = exams::sitting(&mut db, event.exam_id).await?;
                inboxes::hold(&mut db, &waiting).await?;
                exams::move_sittings(&mut db, event.exam_id, event.scheduled_start).await?;
                let changed = inboxes::update_holds(&mut db, &waiting).await?;
                inboxes::touch(&mut db, &changed).await?;
            }
            db.commit().await.map_err(StoreError::from)?;
        }
        Ok(Vec::new())
    }
}
