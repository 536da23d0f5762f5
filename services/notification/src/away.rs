//! Who is away from rooms in which messages were posted: chat says so. A room of which it can't is put off, and asked
//! about by itself until it can: it keeps no other room waiting, and while chat is away nothing is lost.

use std::time::Duration;

use sinaesta_contracts::chat::{Away, FindAway, PostedMessage};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_contracts::{Actor, ErrorBody, RoomId};
use sinaesta_mutants::mutant;
use tokio::time::timeout;
use uuid::Uuid;

use crate::context::Context;
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

#[cfg(test)]
mod tests {
    use sinaesta_contracts::{MessageId, Role};
    use sinaesta_testkit::actor;

    use super::*;

    #[test]
    fn nobody_is_told_of_their_own_messages_nor_of_what_they_have_read() {
        let [student, mentor] = [1, 2].map(|number| actor(number, Role::Student));
        let away = Away { room_id: "mentor:7".parse().unwrap(), user_id: student.user_id, last_read_seq: 2 };
        let posted = |seq, by: &Actor| PostedMessage {
            id: MessageId(Uuid::now_v7()),
            seq,
            sender_id: by.user_id,
            sender_name: by.name.clone(),
            excerpt: format!("Number {seq}"),
        };
        // They read, wrote, and left before anybody looked.
        let (read, own, new) = (posted(2, &mentor), posted(3, &student), posted(4, &mentor));
        assert!(notify(&away, &[posted(1, &mentor), read.clone()]).is_none());
        assert!(notify(&away, std::slice::from_ref(&own)).is_none());
        let (_, told) = notify(&away, &[read, own, new, posted(5, &student)]).unwrap();
        let Notice::MessagesWaiting { first_seq, last_seq, excerpt, .. } = told.notice else {
            unreachable!("of messages")
        };
        assert_eq!((told.user_id, first_seq, last_seq, excerpt.as_str()), (student.user_id, 4, 4, "Number 4"));
    }
}
