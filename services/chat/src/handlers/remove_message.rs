//! `message-remove`: a message is gone; its place in the room stays.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::moderation::{MessageRemoved, RemoveMessage};
use sinaesta_contracts::{Audience, ErrorBody, Timestamp, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{As, hold_message, unknown_message};
use crate::store::changes::{self, Change};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RemoveMessage;

    async fn handle(&self, batch: &[Received<RemoveMessage>]) -> Result<Vec<Outcome<MessageRemoved>>, Failure> {
        one_by_one(batch, |one| remove(&self.0, one)).await
    }
}

async fn remove(context: &Context, one: &Received<RemoveMessage>) -> Result<Outcome<MessageRemoved>, Failure> {
    let (message_id, user) = (one.command.message_id, one.actor.user_id);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let Some((held, room_id)) = hold_message(context, &mut db, &one.actor, message_id, As::Moderator).await? else {
        return Ok(Outcome::refused(unknown_message()));
    };
    if held.sender_id != user && !one.actor.role.is_staff() {
        let error = ErrorBody::new(code::FORBIDDEN, "Only its sender, mentors and admins may remove a message");
        return Ok(Outcome::refused(error.on_field("messageId")));
    }
    let removed =
        |at| MessageRemoved { message_id, room_id: room_id.clone(), removed_by: user, removed_at: Timestamp(at) };
    // Somebody else was quicker: it is gone, and was told to be.
    if let Some(at) = held.removed_at.filter(|_| held.changed_by != Some(one.id)) {
        return Ok(Outcome::done(removed(at)));
    }
    if held.removed_at.is_none() {
        let change = Change { id: message_id, command: one.id, by: user, at: one.stamped_at };
        changes::remove(&mut db, change, &held.message).await?;
        db.commit().await.map_err(StoreError::from)?;
    }
    let removed = removed(one.stamped_at);
    let delivery = Outbound::deliver(Audience::Room(room_id.clone()), &removed)?;
    let event = Outbound::event(&removed)?;
    Ok(Outcome::done(removed).and(delivery).and(event))
}
