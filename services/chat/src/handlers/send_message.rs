//! `send-message`: stores a message with the next `seq` of its room.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::chat::{ChatMessage, MessageSent, MessagesPosted, PostedMessage, ReceiveMessage, SendMessage};
use sinaesta_contracts::{Audience, ErrorBody, FileId, MessageId, RoomId, Timestamp, UserId, code};
use sinaesta_store::StoreError;

use crate::Context;
use crate::domain::{file_url, sanitise};
use crate::doors::Doors;
use crate::handlers::check_muted;
use crate::store::files;
use crate::store::messages::{self, NewMessage, Place};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SendMessage;

    async fn handle(&self, batch: &[Received<SendMessage>]) -> Result<Vec<Outcome<MessageSent>>, Failure> {
        let context = &self.0;
        let doors = Doors::load(context, batch.iter().map(|one| (&one.actor, &one.command.room_id))).await?;
        let replied = self.replied(batch).await?;
        let files = self.files(batch).await?;
        let decided: Vec<_> = batch.iter().map(|one| decide(context, &doors, &replied, &files, one)).collect();
        let (mut new, mut refused) = (Vec::with_capacity(batch.len()), HashMap::new());
        for (one, decision) in batch.iter().zip(decided) {
            match decision {
                Ok(message) => new.push(message),
                Err(error) => drop(refused.insert(one.id, error)),
            }
        }
        let stored = self.store(new).await?;
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut posted: HashMap<RoomId, Vec<PostedMessage>> = HashMap::new();
        for one in batch {
            outcomes.push(match refused.remove(&one.id) {
                Some(error) => Outcome::refused(error),
                None => match outcome(one, &stored, &mut posted)? {
                    Some(outcome) => outcome,
                    None => self.not_stored(one).await?,
                },
            });
        }
        // One event for all that one transaction stored in a room; it travels with the batch's last command.
        if let Some(last) = outcomes.last_mut() {
            for (room_id, messages) in posted {
                let seqs = || messages.iter().map(|message| message.seq);
                let what =
                    format!("{room_id}.{}-{}", seqs().min().unwrap_or_default(), seqs().max().unwrap_or_default());
                let event = Outbound::event(&MessagesPosted { room_id, messages })?;
                last.outbound.push(event.identified_by(what));
            }
        }
        Ok(outcomes)
    }
}

/// The messages of a batch as they are stored.
struct Stored {
    by_id: HashMap<MessageId, ChatMessage>,
    by_client_id: HashMap<(UserId, String), ChatMessage>,
}

impl Handler {
    /// The outcome of a command whose message was neither stored now nor before: its sender is muted.
    async fn not_stored(&self, one: &Received<SendMessage>) -> Result<Outcome<MessageSent>, Failure> {
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        match check_muted(&self.0, &mut db, &one.command.room_id, one.actor.user_id).await? {
            Some(error) => Ok(Outcome::refused(error)),
            None => Err(Failure::Retry("a message was neither stored nor found".to_owned())),
        }
    }

    /// Where the messages stand that are replied to.
    async fn replied(&self, batch: &[Received<SendMessage>]) -> Result<HashMap<MessageId, Place>, StoreError> {
        let ids: Vec<_> = batch.iter().filter_map(|one| one.command.reply_to).map(|id| id.0).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        messages::places(&mut *self.0.pool.acquire().await?, &ids).await
    }

    /// Those of our own files that are posted.
    async fn files(&self, batch: &[Received<SendMessage>]) -> Result<HashMap<FileId, files::Stored>, StoreError> {
        let ids: Vec<_> = batch.iter().filter_map(own_file).map(|id| id.0).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        files::find(&mut *self.0.pool.acquire().await?, &ids).await
    }

    async fn store(&self, new: Vec<NewMessage>) -> Result<Stored, StoreError> {
        let mut stored = Stored { by_id: HashMap::new(), by_client_id: HashMap::new() };
        if new.is_empty() {
            return Ok(stored);
        }
        let mut db = self.0.pool.acquire().await?;
        let seqs = messages::insert(&mut db, &new).await?;
        let (fresh, known): (Vec<_>, Vec<_>) = new.into_iter().partition(|message| seqs.contains_key(&message.id));
        let mut found: Vec<ChatMessage> =
            fresh.into_iter().filter_map(|message| seqs.get(&message.id).map(|seq| as_stored(message, *seq))).collect();
        if !known.is_empty() {
            let ids: Vec<_> = known.iter().map(|message| message.id.0).collect();
            let (senders, client_ids): (Vec<_>, Vec<_>) = known
                .iter()
                .filter_map(|message| Some((message.sender_id.0, message.client_message_id.as_deref()?)))
                .unzip();
            found.extend(messages::find_stored(&mut db, &ids, &senders, &client_ids, self.0.clock.now()).await?);
        }
        for message in found {
            if let Some(client_id) = &message.client_message_id {
                stored.by_client_id.insert((message.sender_id, client_id.clone()), message.clone());
            }
            stored.by_id.insert(message.id, message);
        }
        Ok(stored)
    }
}

/// The file of ours that a message has.
fn own_file(one: &Received<SendMessage>) -> Option<FileId> {
    FileId::from_url(one.command.file_url.as_ref()?.as_str())
}

fn decide(
    context: &Context,
    doors: &Doors,
    replied: &HashMap<MessageId, Place>,
    files: &HashMap<FileId, files::Stored>,
    one: &Received<SendMessage>,
) -> Result<NewMessage, ErrorBody> {
    let command = &one.command;
    doors.check(&one.actor, &command.room_id)?;
    let message = sanitise::sanitise(command.message.as_str())?.into_owned();
    if let Some(url) = &command.file_url {
        file_url::check(url.as_str(), &context.settings.allowed_file_hosts)?;
    }
    // Of our own files each posts their own, and what they are called is what we know.
    let file = match own_file(one) {
        Some(id) => {
            let mine = files.get(&id).filter(|stored| stored.owner == one.actor.user_id);
            Some(&mine.ok_or_else(|| file_url::unknown_file("fileUrl"))?.file)
        }
        None => None,
    };
    let is_here = |id| replied.get(&id).is_some_and(|place| place.room_id == command.room_id);
    if command.reply_to.is_some_and(|id| !is_here(id)) {
        let error = ErrorBody::new(code::REPLY_NOT_FOUND, "The message replied to is not in this room");
        return Err(error.on_field("replyTo"));
    }
    Ok(NewMessage {
        id: MessageId(one.id),
        room_id: command.room_id.clone(),
        sender_id: one.actor.user_id,
        sender_name: one.actor.name.clone(),
        sender_avatar: one.actor.avatar.clone(),
        message,
        message_type: command.message_type.into(),
        file_url: command.file_url.as_ref().map(|url| url.as_str().to_owned()),
        file_name: file
            .map(|file| file.file_name.clone())
            .or_else(|| command.file_name.as_ref().map(|name| name.as_str().to_owned())),
        file_size: file
            .and_then(|file| i64::try_from(file.file_size).ok())
            .or_else(|| command.file_size.map(i64::from)),
        client_message_id: command.client_message_id.as_ref().map(|id| id.as_str().to_owned()),
        reply_to: command.reply_to,
        created_at: one.stamped_at,
    })
}

fn as_stored(new: NewMessage, seq: i64) -> ChatMessage {
    ChatMessage {
        id: new.id,
        room_id: new.room_id,
        seq,
        sender_id: new.sender_id,
        sender_name: new.sender_name,
        sender_avatar: new.sender_avatar,
        message: new.message,
        message_type: new.message_type,
        file_url: new.file_url,
        file_name: new.file_name,
        file_size: new.file_size,
        is_read: false,
        client_message_id: new.client_message_id,
        reply_to: new.reply_to,
        created_at: Timestamp(new.created_at),
        reply_count: 0,
        reactions: Vec::new(),
        edited_at: None,
        removed_at: None,
    }
}

fn outcome(
    one: &Received<SendMessage>,
    stored: &Stored,
    posted: &mut HashMap<RoomId, Vec<PostedMessage>>,
) -> Result<Option<Outcome<MessageSent>>, Failure> {
    // The command's own message, stored now or before a crash: everybody hears of it (again, and the broker drops that).
    if let Some(message) = stored.by_id.get(&MessageId(one.id)) {
        let room_id = message.room_id.clone();
        posted.entry(room_id.clone()).or_default().push(PostedMessage {
            id: message.id,
            seq: message.seq,
            sender_id: message.sender_id,
            sender_name: message.sender_name.clone(),
            excerpt: message.message.chars().take(messages::EXCERPT).collect(),
        });
        let delivery = Outbound::deliver(Audience::Room(room_id), &ReceiveMessage(message.clone()))?;
        let sent = Outcome::done(MessageSent { message: message.clone() }).and(delivery.with_seq(message.seq));
        return Ok(Some(sent));
    }
    // The client's repeat of a message that an earlier command stored: acknowledged again, not delivered again.
    let client_id = one.command.client_message_id.as_ref().map(|id| id.as_str().to_owned());
    let earlier = client_id.and_then(|id| stored.by_client_id.get(&(one.actor.user_id, id)));
    Ok(earlier.map(|message| Outcome::done(MessageSent { message: message.clone() })))
}
