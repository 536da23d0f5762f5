//! One file for each thing that can be asked of the service: load, decide, write in one transaction, say what came of it.

pub mod connect_user;
pub mod create_group;
pub mod disconnect_user;
pub mod edit_message;
pub mod exit_room;
pub mod expire_presence;
pub mod find_away;
pub mod find_file;
pub mod find_online;
pub mod invite_member;
pub mod join_group;
pub mod join_room;
pub mod leave_group;
pub mod leave_room;
pub mod list_groups;
pub mod list_rooms;
pub mod lose_gateway;
pub mod mark_message_read;
pub mod message_history;
mod messages;
pub mod missed_messages;
pub mod mute_user;
pub mod react_to_message;
pub mod read_thread;
pub mod record_file;
pub mod remove_member;
pub mod remove_message;
pub mod retell_messages;
pub mod search_messages;
pub mod send_message;
pub mod set_status;
pub mod set_typing;

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{Failure, Outbound, Received, one_by_one};
use sinaesta_contracts::presence::UserStatusChange;
use sinaesta_contracts::{Audience, ErrorBody, GatewayId, GroupId, RoomId, Timestamp, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::OffsetDateTime;

use crate::context::Context;
use crate::store::newest::Word;
use crate::store::participants::{self, Moving};
use crate::store::presence::Shown;
use crate::store::room_sockets::Place;

fn too_many_groups(context: &Context) -> ErrorBody {
    let most = context.settings.groups_per_user;
    ErrorBody::new(code::GROUP_TOO_MANY, format!("You may be in {most} study groups: leave one first"))
}

/// How many people are told of one change of how somebody shows.
const MOST_TOLD: usize = 1_000;

/// Tells those who share a room with each of `shown` how they show now; grouped by whom it is about.
async fn announce(context: &Context, shown: &[Shown]) -> Result<HashMap<UserId, Vec<Outbound>>, Failure> {
    if shown.is_empty() {
        return Ok(HashMap::new());
    }
    let users: Vec<_> = shown.iter().map(|one| one.user.0).collect();
    let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
    let companions = participants::companions(&mut db, &users, context.settings.presence_room_limit).await?;
    let mut announcements = HashMap::new();
    for one in shown {
        let change = UserStatusChange {
            user_id: one.user,
            user_name: one.name.clone(),
            status: one.status,
            last_seen: Timestamp(one.last_seen_at),
        };
        let most = mutant!("presence-told-to-a-thousand-and-more", usize::MAX, MOST_TOLD);
        let to = companions.get(&one.user).into_iter().flatten().take(most);
        let outbound: Result<Vec<_>, _> = to.map(|user| Outbound::deliver(Audience::User(*user), &change)).collect();
        announcements.insert(one.user, outbound?);
    }
    Ok(announcements)
}

/// Who moves into or out of which room, each once: the first of several commands counts.
fn movings<'b, C: 'b>(
    batch: impl IntoIterator<Item = &'b Received<C>>,
    room: impl Fn(&'b C) -> &'b RoomId,
) -> Vec<Moving<'b>> {
    let mut seen = HashSet::new();
    let moving = |one: &'b Received<C>| {
        let (room, user) = (room(&one.command), one.actor.user_id);
        let (name, by, at) = (one.actor.name.as_str(), one.id, one.stamped_at);
        seen.insert((room, user)).then_some(Moving { room, user, name, by, at })
    };
    batch.into_iter().filter_map(moving).collect()
}

/// What a command says about `subject`, through `gateway`.
fn word<C>(one: &Received<C>, gateway: Option<GatewayId>, subject: String) -> Word {
    Word { subject, gateway, command: one.id, at: one.stamped_at }
}

/// The subject of joining, leaving and having sockets in a room.
fn in_room(room: &RoomId, user: UserId) -> String {
    format!("room {room} {}", user.0)
}

/// The subject of being a member of a study group.
fn in_group(group: GroupId, user: UserId) -> String {
    format!("group {} {}", group.0, user.0)
}

/// The commands of a batch that are news.
fn news<'b, C: 'b>(
    batch: impl IntoIterator<Item = &'b Received<C>>,
    is_news: &[bool],
) -> impl Iterator<Item = &'b Received<C>> {
    batch.into_iter().zip(is_news).filter(|(_, is_news)| **is_news).map(|(one, _)| one)
}

/// Who has sockets in which room, through the gateway that says so.
fn places<'b, C: 'b>(
    batch: impl IntoIterator<Item = &'b Received<C>>,
    room: impl Fn(&'b C) -> &'b RoomId,
) -> Vec<Place<'b>> {
    let place = |one: &'b Received<C>| {
        Some(Place { room: room(&one.command), user: one.actor.user_id, gateway: one.from?, at: one.stamped_at })
    };
    batch.into_iter().filter_map(place).collect()
}

/// The one answer for a message that does not exist and one that the caller may not see.
fn unknown_message() -> ErrorBody {
    ErrorBody::new(code::MESSAGE_NOT_FOUND, "There is no such message").on_field("messageId")
}

/// What somebody is told who is muted, `now` being when they wanted to do it.
fn muted(until: OffsetDateTime, now: OffsetDateTime) -> ErrorBody {
    let left = u64::try_from((until - now).whole_milliseconds()).unwrap_or_default();
    let error = ErrorBody::new(code::MUTED, "You are muted in this room");
    ErrorBody { retry_after_ms: Some(left.max(1)), ..error.on_field("roomId") }
}
