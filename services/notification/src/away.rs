//! Who is away from rooms in which messages were posted: chat says so. A room of which it can't is put off, and asked
//! about by itself until it can: it keeps no other room waiting, and while chat is away nothing is lost.

use std::time::Duration;

use sinaesta_contracts::chat::{Away, FindAway, PostedMessage};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_contracts::{Actor, ErrorBody, RoomId};
use sinaesta_mutants::mutant;
use tokio::time::timeout;
use uuid::Uuid;

use crate::Context;
use crate::handlers::notify_id;

/// How long chat may take: less than after what time the broker gives an event to another replica.
const PATIENCE: Duration = Duration::from_secs(2);
/// How soon it is asked again for the first time.
pub(crate) const FIRST_PAUSE: time::Duration = time::Duration::seconds(1);

/// Who takes part in these rooms and is not in them.
pub(crate) async fn find(context: &Context, rooms: Vec<RoomId>) -> Result<Vec<Away>, String> {
    let text = |error: ErrorBody| error.message.into_owned();
    match timeout(PATIENCE, context.bus.ask(&Actor::system(), &FindAway { rooms })).await {
        Ok(answer) => answer.map_err(text),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// What somebody who is away is told of messages: not of their own, nor of what they have read.
pub(crate) fn notify(away: &Away, messages: &[PostedMessage]) -> Option<(Uuid, Notify)> {
    let new = || {
        messages.iter().filter(|one| {
            (one.sender_id != away.user_id || mutant!("notification-of-ones-own-messages"))
                && (one.seq > away.last_read_seq || mutant!("notification-of-messages-one-has-read"))
        })
    };
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
