//! Chat: rooms, messages, typing, reading.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::moderation::Reaction;
use crate::presence::Status;
use crate::{
    Actor, BoundedNumber, BoundedText, ClientEvent, Command, Event, GatewayId, MessageId, Query, RoomId, ServerEvent,
    Service, Timestamp, UserId,
};

/// The longest message, in the characters that a reader sees: without tags, and each reference as what it stands for.
pub const MAX_MESSAGE_CHARS: usize = 8_000;
/// How many messages `room-joined` brings without `sinceSeq`.
pub const JOIN_MESSAGES: u32 = 50;
/// How many missed messages `room-joined` brings at the most with `sinceSeq`.
pub const RESUME_MESSAGES: u32 = 500;
/// The most messages one page of history has.
pub const MAX_HISTORY_PAGE: u32 = 100;
/// After this long without a repeat, nobody is typing any more; milliseconds.
pub const TYPING_LAPSE_MS: u64 = 6_000;

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    #[default]
    Text,
    Image,
    File,
    System,
}

impl MessageType {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::System => "system",
        }
    }

    /// The type with this name; `text` for a name that is not known.
    pub fn from_name(name: &str) -> Self {
        [Self::Image, Self::File, Self::System].into_iter().find(|t| t.as_str() == name).unwrap_or_default()
    }
}

/// How what a message says is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageFormat {
    /// As it was typed, to the character: to be shown as text, never parsed.
    #[default]
    Text,
    /// HTML: a few elements (`b i em strong a br p`, no attributes but a link's), everything else escaped.
    Html,
}

impl MessageFormat {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    /// The format with this name; `text`, which can do nothing, for a name that is not known.
    pub fn from_name(name: &str) -> Self {
        if name == Self::Html.as_str() { Self::Html } else { Self::Text }
    }
}

/// What a client may send: `system` is not from clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientMessageType {
    #[default]
    Text,
    Image,
    File,
}

impl From<ClientMessageType> for MessageType {
    fn from(from: ClientMessageType) -> Self {
        match from {
            ClientMessageType::Text => Self::Text,
            ClientMessageType::Image => Self::Image,
            ClientMessageType::File => Self::File,
        }
    }
}

/// A message as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ChatMessage {
    pub id: MessageId,
    pub room_id: RoomId,
    /// 1, 2, 3 … in its room: no gaps, no repeats, the order everyone sees.
    #[ts(type = "number")]
    pub seq: i64,
    pub sender_id: UserId,
    pub sender_name: String,
    pub sender_avatar: Option<String>,
    /// What it says; `format` tells how to read it.
    pub message: String,
    #[serde(default)]
    pub format: MessageFormat,
    pub message_type: MessageType,
    pub file_url: Option<String>,
    pub file_name: Option<String>,
    /// Bytes.
    #[ts(type = "number | null")]
    pub file_size: Option<i64>,
    /// Whether anybody but the sender has read it.
    pub is_read: bool,
    pub client_message_id: Option<String>,
    pub reply_to: Option<MessageId>,
    pub created_at: Timestamp,
    /// How many messages reply to it; left out where none does.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[ts(optional, as = "Option<u32>")]
    pub reply_count: u32,
    /// Left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Reaction>>")]
    pub reactions: Vec<Reaction>,
    /// When it was changed last, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub edited_at: Option<Timestamp>,
    /// When it was removed, if it was: then it says nothing, and has no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub removed_at: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// `receive-message`: a message in a room the socket has joined.
#[derive(Debug, Clone, Serialize, TS, JsonSchema)]
#[serde(transparent)]
pub struct ReceiveMessage(pub ChatMessage);

impl ServerEvent for ReceiveMessage {
    const NAME: &'static str = "receive-message";
}

/// Enters a room.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinRoom {
    pub room_id: RoomId,
    /// The last `seq` this client has: everything after it is brought, instead of the latest messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub since_seq: Option<u32>,
}

impl ClientEvent for JoinRoom {
    const NAME: &'static str = "join-room";
}

impl Command for JoinRoom {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "join-room-v1";
    type Reply = RoomJoined;

    fn partition_key(&self, _: &Actor) -> String {
        self.room_id.to_string()
    }
}

/// Somebody in a room, as `room-joined` lists them.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomMember {
    pub user_id: UserId,
    pub user_name: String,
    pub status: Status,
}

/// Somebody who is typing.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypingUser {
    pub user_id: UserId,
    pub user_name: String,
}

/// The room as it is at `last_seq`.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomJoined {
    pub room_id: RoomId,
    /// Oldest first: the last 50, or with `sinceSeq` those missed, up to 500.
    pub messages: Vec<ChatMessage>,
    /// With `sinceSeq`: more was missed than `messages` has; without: the room has older messages.
    pub has_more: bool,
    /// The latest 100 who joined and did not leave.
    pub members: Vec<RoomMember>,
    pub typing: Vec<TypingUser>,
    /// The room's latest `seq`; 0 in an empty room.
    #[ts(type = "number")]
    pub last_seq: i64,
    /// Up to where the joining user has read.
    #[ts(type = "number")]
    pub last_read_seq: i64,
}

impl ServerEvent for RoomJoined {
    const NAME: &'static str = "room-joined";
}

/// Leaves a room.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaveRoom {
    pub room_id: RoomId,
}

impl ClientEvent for LeaveRoom {
    const NAME: &'static str = "leave-room";
}

impl Command for LeaveRoom {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "leave-room-v1";
    type Reply = RoomLeft;

    fn partition_key(&self, _: &Actor) -> String {
        self.room_id.to_string()
    }
}

/// To the one who left.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomLeft {
    pub room_id: RoomId,
}

impl ServerEvent for RoomLeft {
    const NAME: &'static str = "room-left";
}

/// To the others in the room, the first time somebody enters it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserJoinedRoom {
    pub room_id: RoomId,
    pub user_id: UserId,
    pub user_name: String,
}

impl ServerEvent for UserJoinedRoom {
    const NAME: &'static str = "user-joined-room";
}

/// To the others in the room, when somebody leaves it for good.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserLeftRoom {
    pub room_id: RoomId,
    pub user_id: UserId,
    pub user_name: String,
}

impl ServerEvent for UserLeftRoom {
    const NAME: &'static str = "user-left-room";
}

/// Posts a message.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    pub room_id: RoomId,
    /// May hold HTML, which is sanitised: what is no tag of an HTML element is text, and stays as it was typed. The bound
    /// on what arrives is wider than that on what a reader sees (8,000 characters).
    pub message: BoundedText<16_000>,
    #[serde(default)]
    #[ts(optional, as = "Option<ClientMessageType>")]
    pub message_type: ClientMessageType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub file_url: Option<BoundedText<2_048>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub file_name: Option<BoundedText<255>>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub file_size: Option<u32>,
    /// Made by the client: a repeat by the same sender is the same message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub client_message_id: Option<BoundedText<128>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reply_to: Option<MessageId>,
}

impl ClientEvent for SendMessage {
    const NAME: &'static str = "send-message";
}

impl Command for SendMessage {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "send-message-v1";
    type Reply = MessageSent;

    fn partition_key(&self, _: &Actor) -> String {
        self.room_id.to_string()
    }
}

/// The acknowledgement of [`SendMessage`]: the message as it was stored.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct MessageSent {
    pub message: ChatMessage,
}

/// Says whether the sender is typing; lapses by itself.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetTyping {
    pub room_id: RoomId,
    pub is_typing: bool,
}

impl ClientEvent for SetTyping {
    const NAME: &'static str = "typing-indicator";
}

impl Query for SetTyping {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "set-typing-v1";
    type Reply = ();
}

/// To the others in the room.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypingIndicator {
    pub room_id: RoomId,
    pub user_id: UserId,
    pub user_name: String,
    pub is_typing: bool,
}

impl ServerEvent for TypingIndicator {
    const NAME: &'static str = "typing-indicator";
}

/// Marks everything up to a message read.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarkMessageRead {
    pub message_id: MessageId,
}

impl ClientEvent for MarkMessageRead {
    const NAME: &'static str = "mark-message-read";
}

impl Command for MarkMessageRead {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "mark-message-read-v1";
    type Reply = MessageRead;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// Somebody has read up to a message.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageRead {
    pub message_id: MessageId,
    pub room_id: RoomId,
    pub read_by: UserId,
    #[ts(type = "number")]
    pub read_up_to_seq: i64,
}

impl ServerEvent for MessageRead {
    const NAME: &'static str = "message-read";
}

/// Asks for a page of a room's messages: the latest, or those before a `seq`.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageHistory {
    pub room_id: RoomId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub before_seq: Option<u32>,
    /// 1 to 100; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub limit: Option<BoundedNumber<1, MAX_HISTORY_PAGE>>,
}

impl ClientEvent for MessageHistory {
    const NAME: &'static str = "message-history";
}

impl Query for MessageHistory {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "message-history-v1";
    type Reply = HistoryPage;
}

/// A page of messages, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    pub messages: Vec<ChatMessage>,
    pub has_more: bool,
}

/// A gateway asks for what its sockets in a room missed. Not for clients: it is not checked against a door.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MissedMessages {
    pub room_id: RoomId,
    /// The first one wanted comes right after this.
    pub after_seq: i64,
}

impl Query for MissedMessages {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "missed-messages-v1";
    type Reply = HistoryPage;
}

/// Messages were stored in a room: one event for however many one transaction stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessagesPosted {
    pub room_id: RoomId,
    /// Oldest first.
    pub messages: Vec<PostedMessage>,
}

/// What others need to know of a posted message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PostedMessage {
    pub id: MessageId,
    pub seq: i64,
    pub sender_id: UserId,
    pub sender_name: String,
    /// The beginning of what a reader sees, up to 120 characters: text, whatever the message's format.
    pub excerpt: String,
}

impl Event for MessagesPosted {
    const DOMAIN: &'static str = "chat";
    const NAME: &'static str = "messages-posted-v1";
}

/// Somebody has read a room up to a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomRead {
    pub room_id: RoomId,
    pub user_id: UserId,
    pub seq: i64,
}

impl Event for RoomRead {
    const DOMAIN: &'static str = "chat";
    const NAME: &'static str = "room-read-v1";
}

/// Asks who takes part in rooms and is not in them now. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindAway {
    pub rooms: Vec<RoomId>,
}

impl Query for FindAway {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "find-away-v1";
    /// In rooms of very many, nobody.
    type Reply = Vec<Away>;
}

/// Somebody who takes part in a room and is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    pub room_id: RoomId,
    pub user_id: UserId,
    pub last_read_seq: i64,
}

/// The last socket of a user that was in a room through a gateway is gone. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitRoom {
    pub room_id: RoomId,
    pub gateway_id: GatewayId,
}

impl Command for ExitRoom {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "exit-room-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.room_id.to_string()
    }
}

/// To the sockets of somebody who may be in a room no more: they hear nothing of it from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomRemoved {
    pub room_id: RoomId,
    pub user_id: UserId,
}

impl ServerEvent for RoomRemoved {
    const NAME: &'static str = "room-removed";
}
