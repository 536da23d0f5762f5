//! What a client is told when something can't be done.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Stable codes; a client may rely on them, the texts beside them may change.
pub mod code {
    /// A field is missing, of the wrong type or out of bounds; `field` names it.
    pub const INVALID_PAYLOAD: &str = "request/invalid-payload";
    /// No such event.
    pub const UNKNOWN_EVENT: &str = "request/unknown-event";
    /// Larger than an event may be.
    pub const TOO_LARGE: &str = "request/too-large";
    /// Binary data where JSON is due.
    pub const BINARY: &str = "request/binary-not-accepted";
    /// Too many events in too short a time; `retryAfterMs` says when to go on.
    pub const RATE_LIMITED: &str = "request/rate-limited";
    /// The server has more work than it can take from this socket right now.
    pub const BUSY: &str = "server/busy";
    /// No answer in time: whether it took effect is not known; repeat with the same `clientMessageId`.
    pub const TIMEOUT: &str = "server/timeout";
    /// The message broker can't be reached.
    pub const UNAVAILABLE: &str = "server/unavailable";
    /// A fault of ours.
    pub const INTERNAL: &str = "server/internal";
    /// The handshake had no token.
    pub const NO_TOKEN: &str = "auth/no-token";
    /// The token is malformed, expired, not yet valid, or not signed by us.
    pub const INVALID_TOKEN: &str = "auth/invalid-token";
    /// The token's user does not exist.
    pub const USER_NOT_FOUND: &str = "auth/user-not-found";
    /// The new token belongs to somebody else.
    pub const OTHER_USER: &str = "auth/other-user";
    /// The caller may not enter this room.
    pub const ROOM_FORBIDDEN: &str = "chat/room-forbidden";
    /// Nobody has joined this room yet.
    pub const ROOM_NOT_FOUND: &str = "chat/room-not-found";
    /// The socket is not in the room.
    pub const NOT_IN_ROOM: &str = "chat/not-in-room";
    /// Nothing is left of the message after sanitising.
    pub const EMPTY_MESSAGE: &str = "chat/empty-message";
    /// Longer than a message may be after sanitising.
    pub const MESSAGE_TOO_LONG: &str = "chat/message-too-long";
    /// No such message, or not one the caller may see.
    pub const MESSAGE_NOT_FOUND: &str = "chat/message-not-found";
    /// Nobody marks their own messages read.
    pub const OWN_MESSAGE: &str = "chat/own-message";
    /// The file's address is neither ours nor on an allowed host.
    pub const FILE_HOST: &str = "chat/file-host-not-allowed";
    /// The message replied to is not in this room.
    pub const REPLY_NOT_FOUND: &str = "chat/reply-not-found";
}

/// Why something was refused: in an acknowledgement's `error`, or as the `error` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// One of [`code`].
    #[ts(type = "string")]
    pub code: Cow<'static, str>,
    /// For people, in English.
    #[ts(type = "string")]
    pub message: Cow<'static, str>,
    /// The field that is at fault, as a path (`fileUrl`, `answers[3]`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<String>,
    /// Milliseconds until the same event may be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorBody {
    /// An error with a code and a text.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Cow::Borrowed(code), message: message.into(), field: None, retry_after_ms: None }
    }

    /// The same, naming the field that is at fault.
    #[must_use]
    pub fn on_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}
