//! `event.chat.messages-posted`: those who take part in a room and are not in it are told.

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::chat::{Away, FindAway, MessagesPosted, PostedMessage};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_contracts::{Actor, RoomId};
use uuid::Uuid;

use crate::Context;
use crate::handlers::{notify_id, post};

/// Of how many rooms it is asked at a time who is away.
const ASKED: usize = 50;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = MessagesPosted;

    async fn handle(&self, batch: &[Heard<MessagesPosted>]) -> Result<Vec<Outbound>, Failure> {
        let mut posted: HashMap<&RoomId, Vec<&PostedMessage>> = HashMap::new();
        for one in batch {
            posted.entry(&one.event.room_id).or_default().extend(&one.event.messages);
        }
        let rooms: HashSet<RoomId> = posted.keys().map(|room| (*room).clone()).collect();
        let rooms: Vec<RoomId> = rooms.into_iter().collect();
        for rooms in rooms.chunks(ASKED) {
            let away = self.0.bus.ask(&Actor::system(), &FindAway { rooms: rooms.to_vec() }).await;
            let away = away.map_err(|error| Failure::Retry(error.message.into_owned()))?;
            let commands = away.iter().filter_map(|one| notify(one, posted.get(&one.room_id)?)).collect();
            post(&self.0, commands).await?;
        }
        Ok(Vec::new())
    }
}

/// What somebody who is away is told of these messages: not of their own, nor of what they have read.
fn notify(away: &Away, messages: &[&PostedMessage]) -> Option<(Uuid, Notify)> {
    let new = || messages.iter().filter(|one| one.sender_id != away.user_id && one.seq > away.last_read_seq);
    let (first, last) = (new().min_by_key(|one| one.seq)?, new().max_by_key(|one| one.seq)?);
    let notice = Notice::MessagesWaiting {
        room_id: away.room_id.clone(),
        first_seq: first.seq,
        last_seq: last.seq,
        sender_name: last.sender_name.clone(),
        excerpt: last.excerpt.clone(),
    };
    let notify = Notify { user_id: away.user_id, notice };
    Some((notify_id(&notify, &format!("waiting.{}.{}-{}", away.room_id, first.seq, last.seq)), notify))
}
