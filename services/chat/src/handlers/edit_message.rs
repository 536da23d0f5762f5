//! `message-edit`: a message says something else from now on.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::moderation::{EditMessage, MessageEdited};
use sinaesta_contracts::{Audience, ErrorBody, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::domain::sanitise;
use crate::handlers::{As, check_muted, hold_message, unknown_message};
use crate::store::changes::{self, Change};
use crate::store::messages;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = EditMessage;

    async fn handle(&self, batch: &[Received<EditMessage>]) -> Result<Vec<Outcome<MessageEdited>>, Failure> {
        one_by_one(batch, |one| edit(&self.0, one)).await
    }
}

async fn edit(context: &Context, one: &Received<EditMessage>) -> Result<Outcome<MessageEdited>, Failure> {
    let text = match sanitise::sanitise(one.command.message.as_str()) {
        Ok(text) => text,
        Err(error) => return Ok(Outcome::refused(error)),
    };
    let (id, user) = (one.command.message_id, one.actor.user_id);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let Some((held, room)) = hold_message(context, &mut db, &one.actor, id, As::Participant).await? else {
        return Ok(Outcome::refused(unknown_message()));
    };
    if held.sender_id != user || held.removed_at.is_some() {
        let error = ErrorBody::new(code::NOT_EDITABLE, "Only its sender changes a message, until it is removed");
        return Ok(Outcome::refused(error.on_field("messageId")));
    }
    if let Some(error) = check_muted(context, &mut db, &room, user).await? {
        return Ok(Outcome::refused(error));
    }
    if held.changed_by != Some(one.id) {
        let change = Change { id, command: one.id, by: user, at: one.stamped_at };
        changes::edit(&mut db, change, &held.message, &text).await?;
    }
    let message = messages::find(&mut db, &[id.0]).await?.remove(&id);
    db.commit().await.map_err(StoreError::from)?;
    let message = message.ok_or_else(|| Failure::Retry("a message was not read".to_owned()))?;
    let edited = MessageEdited { message };
    let delivery = Outbound::deliver(Audience::Room(room), &edited)?;
    Ok(Outcome::done(edited).and(delivery))
}
