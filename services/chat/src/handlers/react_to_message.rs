//! `message-react`: a reaction to a message, or one less.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::moderation::{MAX_REACTIONS, MessageReactions, ReactToMessage};
use sinaesta_contracts::{Audience, ErrorBody, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::handlers::{As, check_muted, hold_message, unknown_message};
use crate::store::reactions;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReactToMessage;

    async fn handle(&self, batch: &[Received<ReactToMessage>]) -> Result<Vec<Outcome<MessageReactions>>, Failure> {
        one_by_one(batch, |one| react(&self.0, one)).await
    }
}

async fn react(context: &Context, one: &Received<ReactToMessage>) -> Result<Outcome<MessageReactions>, Failure> {
    let (message_id, user) = (one.command.message_id, one.actor.user_id);
    let invalid = |text: String| Ok(Outcome::refused(ErrorBody::new(code::INVALID_REACTION, text).on_field("emoji")));
    let Some(emoji) = emojis::get(one.command.emoji.as_str()) else {
        return invalid("emoji must be one emoji".to_owned());
    };
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let found = hold_message(context, &mut db, &one.actor, message_id, As::Participant).await?;
    let Some((_, room_id)) = found.filter(|(held, _)| held.removed_at.is_none()) else {
        return Ok(Outcome::refused(unknown_message()));
    };
    if one.command.on {
        if let Some(error) = check_muted(context, &mut db, &room_id, user).await? {
            return Ok(Outcome::refused(error));
        }
        let most = MAX_REACTIONS as i64;
        if !reactions::add(&mut db, message_id, user, emoji.as_str(), one.stamped_at, most).await? {
            return invalid(format!("a message has {MAX_REACTIONS} different reactions at the most"));
        }
    } else {
        reactions::remove(&mut db, message_id, user, emoji.as_str()).await?;
    }
    let all = reactions::of(&mut db, &[message_id.0]).await?.remove(&message_id).unwrap_or_default();
    db.commit().await.map_err(StoreError::from)?;
    let told = MessageReactions { message_id, room_id: room_id.clone(), reactions: all };
    let delivery = Outbound::deliver(Audience::Room(room_id), &told)?;
    Ok(Outcome::done(told).and(delivery))
}
