//! A file is in the object store: from now on it can be posted.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::file::{RecordFile, UploadedFile};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_settings::FileSettings;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::file_url;
use crate::store::files;
use crate::store::quotas::{self, Files};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RecordFile;

    async fn handle(&self, batch: &[Received<RecordFile>]) -> Result<Vec<Outcome<UploadedFile>>, Failure> {
        one_by_one(batch, |one| record(&self.0, one)).await
    }
}

async fn record(context: &Context, one: &Received<RecordFile>) -> Result<Outcome<UploadedFile>, Failure> {
    let id = one.command.id;
    let (user, at) = (one.actor.user_id, one.stamped_at);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let is_new = files::find_any(&mut db, id).await?.is_none();
    if is_new {
        let had = quotas::files(&mut db, user, at).await?;
        let is_over = !fits(&context.files, had, one.command.size);
        files::insert(&mut db, user, &one.command, at, is_over).await?;
    }
    let is_refused = files::is_refused(&mut db, id).await?;
    let stored = files::find_any(&mut db, id).await?;
    db.commit().await.map_err(StoreError::from)?;
    if is_refused {
        let error =
            ErrorBody::new(code::FILE_QUOTA, "You have as many files as one may, or have uploaded as much today");
        return Ok(Outcome::refused(error));
    }
    // A repeat that comes after the file was removed because nobody posted it.
    let gone = || file_url::unknown_file("id");
    Ok(Outcome::from(stored.map(|stored| stored.file).ok_or_else(gone)))
}

/// Whether a user who has had so much may have one more file.
fn fits(most: &FileSettings, had: Files, size: u64) -> bool {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    had.count < most.user_files
        && had.bytes.saturating_add(size) <= most.user_bytes
        && had.count_today < most.user_files_daily
        && (had.bytes_today.saturating_add(size) <= most.user_bytes_daily || mutant!("quota-of-bytes-a-day"))
}
