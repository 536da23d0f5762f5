//! `room-list`: one's rooms, and what is new in each.

use std::collections::HashMap;
use std::str::FromStr as _;

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::chat::{ChatMessage, MessageFormat};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::room_list::{ListRooms, RoomList, RoomSummary};
use sinaesta_contracts::{Actor, ErrorBody, GroupId, MessageId, RoomId, RoomKind, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::context::Context;
use crate::doors::Doors;
use crate::store::messages;
use crate::store::room_list::{self, Listed};

/// How many rooms a list has at the most.
const MOST: i64 = 100;
/// And how many bytes: with all that a usual message has, a hundred rooms fit.
const BYTES: usize = 2 * PAGE_BYTES;
/// How many bytes of text a list shows of a message; of a longer one, its beginning as text.
const SHOWN: usize = 1_000;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ListRooms;

    async fn handle(&self, actor: Actor, _: ListRooms) -> Result<Result<RoomList, ErrorBody>, Failure> {
        let queries = &self.0.queries;
        let mut db = queries.acquire().await.map_err(StoreError::from)?;
        let listed = room_list::load(&mut db, actor.user_id, actor.role.is_staff(), MOST).await?;
        drop(db);
        let listed: Vec<_> =
            listed.into_iter().filter_map(|one| Some((RoomId::try_from(one.id.clone()).ok()?, one))).collect();
        let doors = Doors::load(&self.0, queries, listed.iter().map(|(id, _)| (&actor, id))).await?;
        let mut db = queries.acquire().await.map_err(StoreError::from)?;
        let ids: Vec<_> = listed.iter().filter_map(|(_, one)| one.last_message).collect();
        let mut last = messages::find(&mut db, &ids).await?;
        let names = Names::load(&mut db, &actor, &listed).await?;
        let mut rooms = Vec::with_capacity(listed.len());
        for (id, one) in listed {
            // Somebody may be in a room still whose door has closed behind them.
            if doors.check(&actor, &id).is_err() && !mutant!("door-of-closed-rooms-in-the-list") {
                continue;
            }
            rooms.push(RoomSummary {
                room_type: id.kind().into(),
                name: names.of(&actor, &id, one.opened_by),
                last_message: one.last_message.and_then(|id| last.remove(&MessageId(id))).map(shortened),
                last_seq: one.last_seq,
                last_read_seq: one.last_read_seq,
                unread_count: one.unread_count,
                room_id: id,
            });
        }
        let has_more = page::cut(&mut rooms, MOST as usize, BYTES);
        Ok(Ok(RoomList { rooms, has_more }))
    }
}

/// A message as a list shows it.
fn shortened(message: ChatMessage) -> ChatMessage {
    if message.message.len() <= SHOWN {
        return message;
    }
    let text = messages::excerpt(&message.message, message.format);
    ChatMessage { message: text, format: MessageFormat::Text, ..message }
}

/// What the rooms of a list are called.
struct Names {
    users: HashMap<UserId, String>,
    groups: HashMap<GroupId, String>,
}

impl Names {
    async fn load(db: &mut PgConnection, actor: &Actor, rooms: &[(RoomId, Listed)]) -> Result<Self, StoreError> {
        let users: Vec<_> =
            rooms.iter().filter_map(|(id, one)| person(actor, id, one.opened_by)).map(|id| id.0).collect();
        let groups: Vec<_> = rooms.iter().filter_map(|(id, _)| group(id)).map(|id| id.0).collect();
        Ok(Self { users: room_list::user_names(db, &users).await?, groups: room_list::group_names(db, &groups).await? })
    }

    fn of(&self, actor: &Actor, id: &RoomId, opened_by: Option<UserId>) -> Option<String> {
        let user = person(actor, id, opened_by).and_then(|user| self.users.get(&user));
        user.or_else(|| group(id).and_then(|group| self.groups.get(&group))).cloned()
    }
}

/// Whose name a room bears for `actor`: the other one's of two, or that of the student whose mentor room it is.
fn person(actor: &Actor, id: &RoomId, opened_by: Option<UserId>) -> Option<UserId> {
    match id.kind() {
        RoomKind::Direct(one, other) => Some(if one == actor.user_id { other } else { one }),
        RoomKind::Mentor => {
            let key = id.as_str().strip_prefix("mentor:").unwrap_or_default();
            Uuid::from_str(key).ok().map(UserId).or(opened_by)
        }
        _ => None,
    }
}

fn group(id: &RoomId) -> Option<GroupId> {
    match id.kind() {
        RoomKind::StudyGroup(group) => Some(GroupId(group)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::Role;

    use super::*;

    #[test]
    fn a_room_bears_the_name_of_the_other_one_or_of_the_student() {
        let [me, other, student] = [1, 2, 3].map(|n| UserId(Uuid::from_u128(n)));
        let actor = Actor { user_id: me, name: "N".into(), role: Role::Mentor, avatar: None };
        let of = |id: String, opened_by| person(&actor, &id.parse().unwrap(), opened_by);
        assert_eq!(of(format!("direct:{me}:{other}"), Some(me)), Some(other));
        assert_eq!(of(format!("direct:{other}:{me}"), Some(me)), Some(other));
        assert_eq!(of(format!("mentor:{student}"), Some(me)), Some(student));
        assert_eq!(of("mentor:kardiologi".into(), Some(student)), Some(student));
        assert_eq!(of("lobby".into(), Some(me)), None);
    }
}
