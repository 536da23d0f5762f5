//! `message-react`: a reaction to a message, or one less.

use std::collections::HashMap;

use emojis::Emoji;
use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::moderation::{MAX_REACTIONS, MessageReactions, ReactToMessage};
use sinaesta_contracts::{Audience, ErrorBody, MessageId, RoomId, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::handlers::messages::{As, Messages};
use crate::handlers::{unknown_message, word};
use crate::store::newest::{self, Word};
use crate::store::reactions::{self, Choice, Emojis};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReactToMessage;

    /// Of what one user does with one emoji in a batch the last counts; all reactions to a message are told once.
    async fn handle(&self, batch: &[Received<ReactToMessage>]) -> Result<Vec<Outcome<MessageReactions>>, Failure> {
        let (mut found, mut db) = Messages::lock(&self.0, batch, |command| command.message_id).await?;
        let ids: Vec<_> = batch.iter().map(|one| one.command.message_id.0).collect();
        let mut emojis = reactions::emojis(&mut db, &ids).await?;
        let said: Vec<_> = batch.iter().map(said).collect();
        let is_news = newest::are_news(&mut db, &said).await?;
        let mut taken = Vec::new();
        let mut choices: HashMap<(MessageId, UserId, &str), Choice<'_>> = HashMap::new();
        let mut rooms: HashMap<MessageId, (RoomId, Uuid)> = HashMap::new();
        let mut decided = Vec::with_capacity(batch.len());
        for ((one, said), is_news) in batch.iter().zip(said).zip(is_news) {
            let decision = decide(&mut found, &mut emojis, one, is_news);
            if let Ok((emoji, room)) = &decision {
                let (message, user) = (one.command.message_id, one.actor.user_id);
                let choice = Choice { message, user, emoji, on: one.command.on, at: one.stamped_at };
                if is_news {
                    taken.push(said);
                    choices.insert((message, user, emoji), choice);
                }
                rooms.insert(message, (room.clone(), one.id));
            }
            decided.push(decision.map(drop));
        }
        newest::note(&mut db, &taken).await?;
        reactions::set(&mut db, &choices.into_values().collect::<Vec<_>>()).await?;
        let changed: Vec<_> = rooms.keys().map(|id| id.0).collect();
        let mut all = reactions::of(&mut db, &changed).await?;
        let committed = db.commit().await.map_err(StoreError::from);
        mutant!("chat-failed-commit-of-a-reaction-ignored", (), committed?);
        let told: HashMap<MessageId, (MessageReactions, Uuid)> = rooms
            .into_iter()
            .map(|(message_id, (room_id, last))| {
                let reactions = all.remove(&message_id).unwrap_or_default();
                (message_id, (MessageReactions { message_id, room_id, reactions }, last))
            })
            .collect();
        batch.iter().zip(decided).map(|(one, decided)| outcome(one, decided, &told)).collect()
    }
}

fn said(one: &Received<ReactToMessage>) -> Word {
    let ReactToMessage { message_id, emoji, .. } = &one.command;
    // In whatever way it is written.
    let emoji = emojis::get(emoji.as_str()).map_or(emoji.as_str(), Emoji::as_str);
    word(one, one.from, format!("reaction {} {} {emoji}", message_id.0, one.actor.user_id.0))
}

/// The emoji, and the room in which it is shown; what is no news is not asked whether it may be.
fn decide(
    found: &mut Messages,
    emojis: &mut Emojis,
    one: &Received<ReactToMessage>,
    is_news: bool,
) -> Result<(&'static str, RoomId), ErrorBody> {
    let ReactToMessage { message_id, emoji, on } = &one.command;
    let invalid = |text: String| ErrorBody::new(code::INVALID_REACTION, text).on_field("emoji");
    let emoji = emojis::get(emoji.as_str()).map(Emoji::as_str);
    let emoji = emoji.ok_or_else(|| invalid("emoji must be one emoji".to_owned()))?;
    let (locked, room) = found.find(&one.actor, *message_id, As::Participant)?;
    if locked.removed_at.is_some() {
        return Err(unknown_message());
    }
    let room = room.clone();
    if *on && is_news {
        found.check_muted(&room, one.actor.user_id, one.stamped_at)?;
        let known = emojis.entry(*message_id).or_default();
        if known.len() >= MAX_REACTIONS && !known.contains(emoji) && !mutant!("chat-endless-kinds-of-reactions") {
            return Err(invalid(format!("a message has {MAX_REACTIONS} different reactions at the most")));
        }
        known.insert(emoji.to_owned());
    }
    Ok((emoji, room))
}

fn outcome(
    one: &Received<ReactToMessage>,
    decided: Result<(), ErrorBody>,
    told: &HashMap<MessageId, (MessageReactions, Uuid)>,
) -> Result<Outcome<MessageReactions>, Failure> {
    if let Err(error) = decided {
        return Ok(Outcome::refused(error));
    }
    let id = one.command.message_id;
    let (reactions, last) =
        told.get(&id).ok_or_else(|| Failure::Reject(format!("the reactions to {id} were not read")))?;
    let outcome = Outcome::done(reactions.clone());
    if *last != one.id {
        return Ok(outcome);
    }
    Ok(outcome.and(Outbound::deliver(Audience::Room(reactions.room_id.clone()), reactions)?))
}
