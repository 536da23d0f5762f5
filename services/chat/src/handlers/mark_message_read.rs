//! `mark-message-read`: everything up to a message is read.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::chat::{MarkMessageRead, MessageRead, RoomRead};
use sinaesta_contracts::{Audience, ErrorBody, MessageId, RoomId, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::doors::Doors;
use crate::store::messages::{self, Place};
use crate::store::participants;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = MarkMessageRead;

    async fn handle(&self, batch: &[Received<MarkMessageRead>]) -> Result<Vec<Outcome<MessageRead>>, Failure> {
        let context = &self.0;
        let ids: Vec<_> = batch.iter().map(|one| one.command.message_id.0).collect();
        let places = messages::places(&mut *context.pool.acquire().await.map_err(StoreError::from)?, &ids).await?;
        let placed = batch.iter().filter_map(|one| Some((&one.actor, &places.get(&one.command.message_id)?.room_id)));
        let doors = Doors::load(context, &context.pool, placed).await?;
        let decided: Vec<_> = batch.iter().map(|one| decide(&places, &doors, one)).collect();
        let reads: Vec<(&RoomId, UserId, i64)> = batch
            .iter()
            .zip(&decided)
            .filter_map(|(one, place)| Some((one.actor.user_id, place.as_ref().ok()?)))
            .map(|(user, place)| (&place.room_id, user, place.seq))
            .collect();
        let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
        let positions = participants::mark_read(&mut db, &reads).await?;
        batch.iter().zip(decided).map(|(one, place)| outcome(one, place, &positions)).collect()
    }
}

fn decide<'p>(
    places: &'p HashMap<MessageId, Place>,
    doors: &Doors,
    one: &Received<MarkMessageRead>,
) -> Result<&'p Place, ErrorBody> {
    // One answer for what does not exist and what the caller may not see: the difference is not theirs to know.
    let unknown = || ErrorBody::new(code::MESSAGE_NOT_FOUND, "There is no such message").on_field("messageId");
    let place = places.get(&one.command.message_id).ok_or_else(unknown)?;
    let may = doors.check(&one.actor, &place.room_id);
    mutant!("door-of-marking-read-is-open", (), may.map_err(|_| unknown())?);
    if place.sender_id == one.actor.user_id && !mutant!("chat-own-messages-are-read") {
        return Err(ErrorBody::new(code::OWN_MESSAGE, "You can't mark your own message read").on_field("messageId"));
    }
    Ok(place)
}

fn outcome(
    one: &Received<MarkMessageRead>,
    place: Result<&Place, ErrorBody>,
    positions: &HashMap<(String, UserId), i64>,
) -> Result<Outcome<MessageRead>, Failure> {
    let (place, user) = match place {
        Ok(place) => (place, one.actor.user_id),
        Err(error) => return Ok(Outcome::refused(error)),
    };
    let Some(position) = positions.get(&(place.room_id.to_string(), user)) else {
        return Ok(Outcome::refused(ErrorBody::new(code::NOT_IN_ROOM, "Join the room first")));
    };
    let read = MessageRead {
        message_id: one.command.message_id,
        room_id: place.room_id.clone(),
        read_by: user,
        read_up_to_seq: *position,
    };
    // Reading something older than what is read already is no news.
    if *position > place.seq && !mutant!("chat-older-reading-is-told") {
        return Ok(Outcome::done(read));
    }
    let delivery = Outbound::deliver(Audience::Room(place.room_id.clone()), &read)?.except(user);
    let event = RoomRead { room_id: place.room_id.clone(), user_id: user, seq: *position };
    Ok(Outcome::done(read).and(delivery).and(Outbound::event(&event)?))
}
