//! Who takes part in rooms and is not in them.

use std::collections::HashSet;

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::chat::{Away, FindAway};
use sinaesta_contracts::{Actor, ErrorBody, RoomId, RoomKind, UserId};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::store::participants;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindAway;

    async fn handle(&self, _: Actor, query: FindAway) -> Result<Result<Vec<Away>, ErrorBody>, Failure> {
        let rooms: HashSet<RoomId> = query.rooms.into_iter().collect();
        let ids: Vec<&str> = rooms.iter().map(RoomId::as_str).collect();
        // The two of a direct room take part in it from its first message on, even one who never entered it.
        let directed: Vec<(&RoomId, UserId)> = rooms.iter().flat_map(the_two).collect();
        let groups: Vec<_> = rooms.iter().filter_map(group).collect();
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        Ok(Ok(participants::away(&mut db, &ids, &directed, &groups, self.0.settings.presence_room_limit).await?))
    }
}

fn group(room: &RoomId) -> Option<Uuid> {
    match room.kind() {
        RoomKind::StudyGroup(id) => Some(id),
        _ => None,
    }
}

fn the_two(room: &RoomId) -> Vec<(&RoomId, UserId)> {
    match room.kind() {
        RoomKind::Direct(one, other) => vec![(room, one), (room, other)],
        _ => Vec::new(),
    }
}
