//! Rooms that are remembered: that one exists and whose it is never changes, so it need not be read again.

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use sinaesta_contracts::{RoomId, RoomKind};
use sinaesta_store::StoreError;
use sqlx::PgPool;

use crate::domain::door::Room;
use crate::store::rooms;

/// How many rooms a replica remembers.
const REMEMBERED: u64 = 100_000;

/// The rooms this replica has met.
#[derive(Clone)]
pub(crate) struct Rooms(Cache<Arc<str>, Room>);

impl Rooms {
    pub(crate) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    /// The rooms among `ids` that exist.
    pub(crate) async fn load<'a>(
        &self,
        pool: &PgPool,
        ids: impl Iterator<Item = &'a RoomId>,
    ) -> Result<HashMap<String, Room>, StoreError> {
        let (mut found, mut missing) = (HashMap::new(), Vec::new());
        for id in ids {
            match self.0.get(id.as_str()) {
                Some(room) => drop(found.insert(id.to_string(), room)),
                None => missing.push(id.as_str()),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let mut db = pool.acquire().await.map_err(StoreError::from)?;
            let loaded = rooms::load(&mut db, &missing).await?;
            self.remember(&loaded);
            found.extend(loaded);
        }
        Ok(found)
    }

    pub(crate) fn remember(&self, rooms: &HashMap<String, Room>) {
        for (id, room) in rooms {
            // A mentor room may still get its student.
            let may_change =
                room.opened_by.is_none() && id.parse::<RoomId>().is_ok_and(|id| id.kind() == RoomKind::Mentor);
            if !may_change {
                self.0.insert(id.as_str().into(), *room);
            }
        }
    }
}
