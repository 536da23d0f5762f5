//! `message-edit`: a message says something else from now on.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::moderation::{EditMessage, MessageEdited};
use sinaesta_contracts::{Audience, ErrorBody, MessageId, RoomId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::markup::{self, Clean};
use crate::handlers::messages::{As, Messages};
use crate::handlers::word;
use crate::store::changes::{self, Change, Edit};
use crate::store::{messages, newest};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = EditMessage;

    /// Of several edits of one message in a batch the last one counts, and is told.
    async fn handle(&self, batch: &[Received<EditMessage>]) -> Result<Vec<Outcome<MessageEdited>>, Failure> {
        let texts: Vec<_> = batch.iter().map(|one| markup::clean(one.command.message.as_str())).collect();
        let (mut found, mut db) = Messages::lock(&self.0, batch, |command| command.message_id).await?;
        let ids: Vec<_> = batch.iter().map(|one| one.id).collect();
        let mut done = changes::done(&mut db, &ids).await?;
        let said = |one: &Received<EditMessage>| {
            word(one, one.from, format!("edit {} {}", one.command.message_id.0, one.actor.user_id.0))
        };
        let said: Vec<_> = batch.iter().map(said).collect();
        let is_news = newest::are_news(&mut db, &said).await?;
        let mut taken = Vec::new();
        let (mut changed, mut edits, mut rooms) = (Vec::new(), HashMap::new(), HashMap::new());
        let mut decided = Vec::with_capacity(batch.len());
        for (((one, text), said), is_news) in batch.iter().zip(&texts).zip(said).zip(is_news) {
            let is_done = done.contains(&one.id) || !is_news;
            let decision = text.as_ref().map_err(Clone::clone).and_then(|text| decide(&mut found, one, text, is_done));
            if let Ok((room, change)) = &decision {
                rooms.insert(one.command.message_id, (room.clone(), one.id));
                if let (Some(change), Ok(text)) = (change, text) {
                    let (id, command, at) = (change.id, change.command, change.at);
                    edits.insert(id, Edit { id, command, at, said: text });
                    changed.push(change.clone());
                    done.insert(one.id);
                    taken.push(said);
                }
            }
            decided.push(decision.map(|_| ()));
        }
        if !changed.is_empty() {
            newest::note(&mut db, &taken).await?;
            mutant!("chat-edit-forgets-what-was-said", changed.clear());
            changes::keep(&mut db, &changed).await?;
            changes::edit(&mut db, &edits.into_values().collect::<Vec<_>>()).await?;
        }
        let ids: Vec<_> = rooms.keys().map(|id: &MessageId| id.0).collect();
        let edited = messages::find(&mut db, &ids).await?;
        let commit = db.commit();
        mutant!("chat-edit-before-its-commit", drop(tokio::spawn(commit)), commit.await.map_err(StoreError::from)?);
        let outcome = |(one, decided): (&Received<EditMessage>, Result<(), ErrorBody>)| {
            let id = one.command.message_id;
            let (Ok(()), Some(message)) = (&decided, edited.get(&id)) else {
                let lost = || Failure::Reject(format!("message {id} was edited and can't be read"));
                return decided.err().map(Outcome::refused).ok_or_else(lost);
            };
            let edited = MessageEdited { message: message.clone() };
            match rooms.get(&id) {
                Some((room, last)) if *last == one.id && !mutant!("chat-last-edit-not-told") => {
                    let delivery = Outbound::deliver(Audience::Room(room.clone()), &edited)?;
                    Ok(Outcome::done(edited).and(delivery))
                }
                _ => Ok(Outcome::done(edited)),
            }
        };
        batch.iter().zip(decided).map(outcome).collect()
    }
}

/// The message's room, and the change that this command makes, unless it made it before.
fn decide(
    found: &mut Messages,
    one: &Received<EditMessage>,
    text: &Clean,
    is_done: bool,
) -> Result<(RoomId, Option<Change>), ErrorBody> {
    let (id, user) = (one.command.message_id, one.actor.user_id);
    let (locked, room) = found.find(&one.actor, id, As::Participant)?;
    let room = room.clone();
    if is_done {
        return Ok((room, None));
    }
    if (locked.sender_id != user && !mutant!("chat-edit-by-anybody"))
        || (locked.removed_at.is_some() && !mutant!("chat-edit-of-what-was-removed"))
    {
        let error = ErrorBody::new(code::NOT_EDITABLE, "Only its sender changes a message, until it is removed");
        return Err(error.on_field("messageId"));
    }
    found.check_muted(&room, user, one.stamped_at)?;
    let (locked, _) = found.find(&one.actor, id, As::Participant)?;
    let before = std::mem::replace(&mut locked.said, text.clone());
    Ok((room, Some(Change { id, command: one.id, by: user, at: one.stamped_at, before })))
}
