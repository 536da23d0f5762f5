//! A file, for its owner and for whoever may be in a room in which a message has it.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::file::{FindFile, UploadedFile};
use sinaesta_contracts::{Actor, ErrorBody};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::file_url::unknown_file;
use crate::doors::Doors;
use crate::store::files;

/// In how many rooms it is looked for one that the caller may be in.
const ROOMS: i64 = 100;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindFile;

    async fn handle(&self, actor: Actor, query: FindFile) -> Result<Result<UploadedFile, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let Some(stored) = files::find(&mut db, &[query.id.0]).await?.remove(&query.id) else {
            return Ok(Err(unknown_file("id")));
        };
        if stored.owner == actor.user_id {
            return Ok(Ok(stored.file));
        }
        let rooms = files::rooms(&mut db, query.id, ROOMS).await?;
        drop(db);
        let doors = Doors::load(&self.0, &self.0.queries, rooms.iter().map(|room| (&actor, room))).await?;
        let may = rooms.iter().any(|room| doors.check(&actor, room).is_ok());
        Ok(if may || mutant!("door-of-files-is-open") { Ok(stored.file) } else { Err(unknown_file("id")) })
    }
}
