//! `event.exam.sessions-begun`: while somebody sits an exam, what is not urgent waits.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::exam_grading::SessionsBegun;
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::distinct;
use crate::store::{exams, inboxes};

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = SessionsBegun;

    async fn handle(&self, batch: &[Heard<SessionsBegun>]) -> Result<Vec<Outbound>, Failure> {
        let begun: Vec<_> = batch.iter().flat_map(|one| &one.event.sessions).collect();
        let users = distinct(begun.iter().map(|one| one.user_id));
        let exams: Vec<_> = begun.iter().map(|one| one.exam_id.0).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        exams::hold(&mut db, &exams).await?;
        inboxes::hold(&mut db, &users).await?;
        mutant!("notification-in-an-exam", (), exams::begin_sittings(&mut db, &begun).await?);
        let changed = inboxes::update_holds(&mut db, &users).await?;
        mutant!("badge-of-what-an-exam-holds-back", (), inboxes::touch(&mut db, &changed).await?);
        db.commit().await.map_err(StoreError::from)?;
        Ok(Vec::new())
    }
}
