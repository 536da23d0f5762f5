//! `send-message`: stores a message with the next `seq` of its room.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::chat::{ChatMessage, MessageSent, MessagesPosted, PostedMessage, ReceiveMessage, SendMessage};
use sinaesta_contracts::{Audience, ErrorBody, FileId, MessageId, RoomId, Timestamp, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;

use crate::context::Context;
use crate::domain::{file_url, markup};
use crate::doors::Doors;
use crate::handlers::muted;
use crate::store::files;
use crate::store::messages::{self, Place};
use crate::store::posting::{self, NewMessage, Posted, Posting};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SendMessage;

    async fn handle(&self, batch: &[Received<SendMessage>]) -> Result<Vec<Outcome<MessageSent>>, Failure> {
        let context = &self.0;
        let doors =
            Doors::load(context, &context.pool, batch.iter().map(|one| (&one.actor, &one.command.room_id))).await?;
        let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
        let replied = replied(&mut db, batch).await?;
        let files = own_files(&mut db, batch).await?;
        let wanted: Vec<_> = batch.iter().map(|one| decide(context, &doors, &replied, &files, one)).collect();
        let postings: Vec<_> = batch.iter().zip(&wanted).map(|(one, wanted)| posting(one, wanted)).collect();
        let posted = posting::post(&mut db, &postings).await?;
        let known = known(&mut db, &posted).await?;
        drop(db);
        let stored_now = |(one, posted): (_, &Posted)| matches!(posted, Posted::Stored { .. }).then_some(one);
        let new = batch.iter().zip(&posted).filter_map(stored_now);
        context.posted.note(new.map(|one: &Received<SendMessage>| &one.command.room_id));
        let mut told = Told::default();
        let mut outcomes = Vec::with_capacity(batch.len());
        for ((one, wanted), posted) in batch.iter().zip(wanted).zip(posted) {
            outcomes.push(match (posted, wanted) {
                (Posted::Stored { seq }, Ok(new)) => told.posted(as_stored(new, seq))?,
                // This command's own, stored before a crash: everybody hears of it again, and the broker drops that.
                (Posted::Known(id), _) if id.0 == one.id && !mutant!("chat-own-repeat-not-told-again") => {
                    told.posted(stored(&known, id)?)?
                }
                // The client's repeat of a message that an earlier command stored: acknowledged again, not delivered again.
                (Posted::Known(id), _) => Outcome::done(MessageSent { message: stored(&known, id)? }),
                (_, Err(error)) => Outcome::refused(error),
                (Posted::Muted { until }, _) => Outcome::refused(muted(until, one.stamped_at)),
                (Posted::Refused, Ok(_)) => {
                    return Err(Failure::Reject("a message was lost while it was stored".into()));
                }
            });
        }
        told.finish(outcomes)
    }
}

/// What others are told of a batch.
#[derive(Default)]
struct Told {
    posted: HashMap<RoomId, Vec<PostedMessage>>,
}

impl Told {
    /// A message that this batch stored.
    fn posted(&mut self, message: ChatMessage) -> Result<Outcome<MessageSent>, Failure> {
        let posted = self.posted.entry(message.room_id.clone()).or_default();
        // The same command may be in a batch twice.
        if posted.iter().all(|other| other.id != message.id) {
            posted.push(PostedMessage {
                id: message.id,
                seq: message.seq,
                sender_id: message.sender_id,
                sender_name: message.sender_name.clone(),
                excerpt: messages::excerpt(&message.message, message.format),
            });
        }
        let (room, seq) = (Audience::Room(message.room_id.clone()), message.seq);
        let delivery = Outbound::deliver(room, &ReceiveMessage(message.clone()))?.with_seq(seq);
        Ok(Outcome::done(MessageSent { message }).and(delivery))
    }

    /// One event for all that one transaction stored in a room; it travels with the batch's last command.
    fn finish(self, mut outcomes: Vec<Outcome<MessageSent>>) -> Result<Vec<Outcome<MessageSent>>, Failure> {
        if let Some(last) = outcomes.last_mut() {
            for (room_id, messages) in self.posted {
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

fn posting<'a>(one: &'a Received<SendMessage>, wanted: &'a Result<NewMessage, ErrorBody>) -> Posting<'a> {
    let mut client_message_id = one.command.client_message_id.as_ref().map(|id| id.as_str());
    mutant!("chat-repeat-of-a-client-is-new", client_message_id = None);
    Posting {
        id: MessageId(one.id),
        sender_id: one.actor.user_id,
        client_message_id,
        at: one.stamped_at,
        message: wanted.as_ref().ok(),
    }
}

/// Where the messages stand that are replied to.
async fn replied(
    db: &mut PgConnection,
    batch: &[Received<SendMessage>],
) -> Result<HashMap<MessageId, Place>, StoreError> {
    let ids: Vec<_> = batch.iter().filter_map(|one| one.command.reply_to).map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    messages::places(db, &ids).await
}

/// Those of our own files that are posted.
async fn own_files(
    db: &mut PgConnection,
    batch: &[Received<SendMessage>],
) -> Result<HashMap<FileId, files::Stored>, StoreError> {
    let ids: Vec<_> = batch.iter().filter_map(own_file).map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    files::find(db, &ids).await
}

/// The messages that are stored already.
async fn known(db: &mut PgConnection, posted: &[Posted]) -> Result<HashMap<MessageId, ChatMessage>, StoreError> {
    let known = |one: &Posted| match one {
        Posted::Known(id) => Some(id.0),
        _ => None,
    };
    let ids: Vec<_> = posted.iter().filter_map(known).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    messages::find(db, &ids).await
}

fn stored(known: &HashMap<MessageId, ChatMessage>, id: MessageId) -> Result<ChatMessage, Failure> {
    known.get(&id).cloned().ok_or_else(|| Failure::Reject(format!("message {id} is known and can't be read")))
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
    let clean = markup::clean(command.message.as_str())?;
    if let Some(url) = &command.file_url {
        file_url::check(url.as_str(), &context.settings.allowed_file_hosts)?;
    }
    // Of our own files each posts their own, and what they are called is what we know.
    let file = match own_file(one) {
        Some(id) => {
            let mine = files
                .get(&id)
                .filter(|stored| stored.owner == one.actor.user_id || mutant!("chat-posts-files-of-others"));
            Some(&mine.ok_or_else(|| file_url::unknown_file("fileUrl"))?.file)
        }
        None => None,
    };
    let is_here = |id| {
        replied
            .get(&id)
            .is_some_and(|place| place.room_id == command.room_id || mutant!("chat-reply-into-another-room"))
    };
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
        message: clean.text,
        format: clean.format,
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
        format: new.format,
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
