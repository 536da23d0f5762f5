//! `message-remove`: a message is gone; its place in the room stays.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::moderation::{MessageRemoved, RemoveMessage};
use sinaesta_contracts::{Audience, ErrorBody, Timestamp, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::messages::{As, Messages};
use crate::store::changes::{self, Change};

pub struct Handler(pub(crate) Context);

/// What is done about a removal.
struct Decision {
    removed: MessageRemoved,
    /// The others are told by the command that removed it, and by its repeat.
    is_told: bool,
    change: Option<Change>,
}

impl CommandHandler for Handler {
    type Command = RemoveMessage;

    async fn handle(&self, batch: &[Received<RemoveMessage>]) -> Result<Vec<Outcome<MessageRemoved>>, Failure> {
        let (mut found, mut db) = Messages::lock(&self.0, batch, |command| command.message_id).await?;
        let decided: Vec<_> = batch.iter().map(|one| decide(&mut found, one)).collect();
        let changed: Vec<Change> =
            decided.iter().filter_map(|decision| decision.as_ref().ok()?.change.clone()).collect();
        if !changed.is_empty() {
            changes::keep(&mut db, &changed).await?;
            let removals: Vec<_> = changed.iter().map(|one| (one.id, one.command, one.at)).collect();
            changes::remove(&mut db, &removals).await?;
        }
        db.commit().await.map_err(StoreError::from)?;
        decided.into_iter().map(outcome).collect()
    }
}

fn decide(found: &mut Messages, one: &Received<RemoveMessage>) -> Result<Decision, ErrorBody> {
    let (message_id, user) = (one.command.message_id, one.actor.user_id);
    let (locked, room) = found.find(&one.actor, message_id, As::Moderator)?;
    if locked.sender_id != user {
        if !one.actor.role.is_staff() {
            let error = ErrorBody::new(code::FORBIDDEN, "Only its sender, mentors and admins may remove a message");
            return Err(error.on_field("messageId"));
        }
        let may = one.actor.may_act_on(locked.sender_id, locked.sender_role);
        mutant!("chat-higher-ranks-messages-removed", (), may.map_err(|error| error.on_field("messageId"))?);
    }
    let removed =
        |at| MessageRemoved { message_id, room_id: room.clone(), removed_by: user, removed_at: Timestamp(at) };
    // This command's repeat, or somebody else was quicker.
    if let Some(at) = locked.removed_at {
        let is_told = locked.changed_by == Some(one.id);
        return Ok(Decision { removed: removed(at), is_told, change: None });
    }
    let removed = removed(one.stamped_at);
    (locked.removed_at, locked.changed_by) = (Some(one.stamped_at), Some(one.id));
    let before = std::mem::take(&mut locked.said);
    let change = Change { id: message_id, command: one.id, by: user, at: one.stamped_at, before };
    Ok(Decision { removed, is_told: true, change: Some(change) })
}

fn outcome(decided: Result<Decision, ErrorBody>) -> Result<Outcome<MessageRemoved>, Failure> {
    let Decision { removed, is_told, .. } = match decided {
        Ok(decision) => decision,
        Err(error) => return Ok(Outcome::refused(error)),
    };
    if !is_told {
        return Ok(Outcome::done(removed));
    }
    let delivery = Outbound::deliver(Audience::Room(removed.room_id.clone()), &removed)?;
    let event = Outbound::event(&removed)?;
    Ok(Outcome::done(removed).and(delivery).and(event))
}
