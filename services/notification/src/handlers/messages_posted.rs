//! `event.chat.messages-posted`: those who take part in a room and are not in it are told.

use std::collections::BTreeMap;

use futures::future::join_all;
use metrics::counter;
use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::RoomId;
use sinaesta_contracts::chat::{MessagesPosted, PostedMessage};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::away;
use crate::context::Context;
use crate::posting::post;
use crate::store::posted::{self, PutOff};

/// Of how many rooms it is asked at a time who is away.
const ASKED: usize = 50;

pub struct Handler(pub(crate) Context);

/// What was posted in a room, by one batch.
type Posted<'b> = (RoomId, Vec<&'b Heard<MessagesPosted>>);

impl EventHandler for Handler {
    type Event = MessagesPosted;

    async fn handle(&self, batch: &[Heard<MessagesPosted>]) -> Result<Vec<Outbound>, Failure> {
        let context = &self.0;
        let mut rooms: BTreeMap<&str, Posted<'_>> = BTreeMap::new();
        for one in batch {
            let room = &one.event.room_id;
            rooms.entry(room.as_str()).or_insert_with(|| (room.clone(), Vec::new())).1.push(one);
        }
        let rooms: Vec<Posted<'_>> = rooms.into_values().collect();
        let ask = async |rooms: &[Posted<'_>]| {
            away::find(context, rooms.iter().map(|(room, _)| room.clone()).collect()).await
        };
        let (mut commands, mut put_off) = (Vec::new(), Vec::new());
        for (rooms, answer) in rooms.chunks(ASKED).zip(join_all(rooms.chunks(ASKED).map(ask)).await) {
            match answer {
                Ok(away) => {
                    let messages: BTreeMap<&str, Vec<PostedMessage>> =
                        rooms.iter().map(|(room, events)| (room.as_str(), messages(events))).collect();
                    let of = |room: &RoomId| messages.get(room.as_str());
                    commands.extend(away.iter().filter_map(|one| away::notify(one, of(&one.room_id)?)));
                }
                Err(error) => {
                    let names: Vec<&str> = rooms.iter().map(|(room, _)| room.as_str()).collect();
                    tracing::warn!(error, rooms = ?names, "chat can't say who is away: each is asked about again");
                    put_off.extend(rooms.iter().flat_map(|(_, events)| events).copied());
                }
            }
        }
        if !put_off.is_empty() && !mutant!("notification-of-rooms-put-off-is-forgotten") {
            counter!("notification_rooms_put_off_total").increment(put_off.len() as u64);
            let events = put_off.into_iter().map(later).collect::<Result<Vec<_>, _>>()?;
            let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
            posted::put_off(&mut db, &events).await?;
        }
        post(context, commands).await?;
        Ok(Vec::new())
    }
}

fn messages(events: &[&Heard<MessagesPosted>]) -> Vec<PostedMessage> {
    events.iter().flat_map(|one| &one.event.messages).cloned().collect()
}

fn later(one: &Heard<MessagesPosted>) -> Result<PutOff, Failure> {
    let messages = serde_json::to_string(&one.event.messages).map_err(|error| Failure::Reject(error.to_string()))?;
    let room_id = one.event.room_id.clone();
    Ok(PutOff { event_id: one.id.clone(), room_id, messages, due_at: one.stamped_at + away::FIRST_PAUSE })
}
