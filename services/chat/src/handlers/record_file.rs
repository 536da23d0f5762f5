//! A file is in the object store: from now on it can be posted.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::file::{RecordFile, UploadedFile};
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::files;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RecordFile;

    async fn handle(&self, batch: &[Received<RecordFile>]) -> Result<Vec<Outcome<UploadedFile>>, Failure> {
        one_by_one(batch, |one| record(&self.0, one)).await
    }
}

async fn record(context: &Context, one: &Received<RecordFile>) -> Result<Outcome<UploadedFile>, Failure> {
    let id = one.command.id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    files::insert(&mut db, one.actor.user_id, &one.command, one.stamped_at).await?;
    let stored = files::find(&mut db, &[id.0]).await?.remove(&id);
    db.commit().await.map_err(StoreError::from)?;
    let stored = stored.ok_or_else(|| Failure::Retry("a file was neither noted nor found".to_owned()))?;
    Ok(Outcome::done(stored.file))
}
