//! A file is in the object store: from now on it can be posted.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::file::{RecordFile, UploadedFile};
use sinaesta_store::StoreError;

use crate::Context;
use crate::domain::file_url;
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
    let stored = files::find_any(&mut db, id).await?;
    db.commit().await.map_err(StoreError::from)?;
    // A repeat that comes after the file was removed because nobody posted it.
    let gone = || file_url::unknown_file("id");
    Ok(Outcome::from(stored.map(|stored| stored.file).ok_or_else(gone)))
}
