//! What becomes of messages after they were posted: edits, reactions, removal; and who may not post for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::chat::{ChatMessage, MAX_HISTORY_PAGE};
use crate::{
    Actor, BoundedNumber, BoundedText, ClientEvent, Command, Event, MessageId, Query, RoomId, ServerEvent, Service,
    Timestamp, UserId,
};

/// The longest time for which somebody is muted, in minutes: thirty days.
pub const MAX_MUTE_MINUTES: u32 = 30 * 24 * 60;
/// How many different reactions one message has at the most.
pub const MAX_REACTIONS: usize = 20;

/// Changes what one's own message says. What it said before is kept.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditMessage {
    pub message_id: MessageId,
    /// Sanitised as a new one is.
    pub message: BoundedText<16_000>,
}

impl ClientEvent for EditMessage {
    const NAME: &'static str = "message-edit";
}

impl Command for EditMessage {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "edit-message-v1";
    type Reply = MessageEdited;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// To the room: a message says something else now.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageEdited {
    pub message: ChatMessage,
}

impl ServerEvent for MessageEdited {
    const NAME: &'static str = "message-edited";
}

/// Removes a message: one's own, or for mentors and admins any in a room they may enter.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoveMessage {
    pub message_id: MessageId,
}

impl ClientEvent for RemoveMessage {
    const NAME: &'static str = "message-remove";
}

impl Command for RemoveMessage {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "remove-message-v1";
    type Reply = MessageRemoved;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// To the room: a message is gone. Its place in the room stays, without what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageRemoved {
    pub message_id: MessageId,
    pub room_id: RoomId,
    pub removed_by: UserId,
    pub removed_at: Timestamp,
}

impl ServerEvent for MessageRemoved {
    const NAME: &'static str = "message-removed";
}

/// A message was removed.
impl Event for MessageRemoved {
    const DOMAIN: &'static str = "chat";
    const NAME: &'static str = "message-removed-v1";
}

/// Reacts to a message, or takes a reaction back.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactToMessage {
    pub message_id: MessageId,
    /// One emoji.
    pub emoji: BoundedText<32>,
    /// `false`: takes it back.
    #[serde(default = "is_on")]
    #[ts(optional, as = "Option<bool>")]
    pub on: bool,
}

const fn is_on() -> bool {
    true
}

impl ClientEvent for ReactToMessage {
    const NAME: &'static str = "message-react";
}

impl Command for ReactToMessage {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "react-to-message-v1";
    type Reply = MessageReactions;

    fn partition_key(&self, _: &Actor) -> String {
        self.message_id.to_string()
    }
}

/// Who reacted with an emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Reaction {
    pub emoji: String,
    pub count: u32,
    /// The first twenty.
    pub user_ids: Vec<UserId>,
}

/// To the room: all reactions to a message as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageReactions {
    pub message_id: MessageId,
    pub room_id: RoomId,
    /// In the order in which the first of each came.
    pub reactions: Vec<Reaction>,
}

impl ServerEvent for MessageReactions {
    const NAME: &'static str = "message-reactions";
}

/// Asks for a message and the replies to it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadThread {
    pub message_id: MessageId,
    /// Only replies after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub after_seq: Option<u32>,
    /// 1 to 100; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub limit: Option<BoundedNumber<1, MAX_HISTORY_PAGE>>,
}

impl ClientEvent for ReadThread {
    const NAME: &'static str = "message-thread";
}

impl Query for ReadThread {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "read-thread-v1";
    type Reply = Thread;
}

/// A message and the replies to it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    pub message: ChatMessage,
    /// Oldest first.
    pub replies: Vec<ChatMessage>,
    pub has_more: bool,
}

/// Asks for a room's messages that say something, in Indonesian or in English, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchMessages {
    pub room_id: RoomId,
    /// Words; `"as they stand"`, `or` and `-without` as in a search engine.
    pub query: BoundedText<200>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub before_seq: Option<u32>,
    /// 1 to 100; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub limit: Option<BoundedNumber<1, MAX_HISTORY_PAGE>>,
}

impl ClientEvent for SearchMessages {
    const NAME: &'static str = "message-search";
}

impl Query for SearchMessages {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "search-messages-v1";
    type Reply = FoundMessages;
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundMessages {
    /// Newest first.
    pub messages: Vec<ChatMessage>,
    pub has_more: bool,
}

/// Lets somebody post nothing in a room for a while: for mentors and admins.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MuteUser {
    pub room_id: RoomId,
    pub user_id: UserId,
    /// Up to 43,200, which is thirty days; 0: they may post again.
    pub minutes: BoundedNumber<0, MAX_MUTE_MINUTES>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<BoundedText<500>>,
}

impl ClientEvent for MuteUser {
    const NAME: &'static str = "mute-user";
}

impl Command for MuteUser {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "mute-user-v1";
    type Reply = UserMuted;

    fn partition_key(&self, _: &Actor) -> String {
        self.room_id.to_string()
    }
}

/// To the room and to whom it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserMuted {
    pub room_id: RoomId,
    pub user_id: UserId,
    /// `null`: they may post again.
    pub until: Option<Timestamp>,
    pub muted_by: UserId,
}

impl ServerEvent for UserMuted {
    const NAME: &'static str = "user-muted";
}

/// Somebody was muted in a room, or may post there again.
impl Event for UserMuted {
    const DOMAIN: &'static str = "chat";
    const NAME: &'static str = "user-muted-v1";
}
