//! What a client is told when something can't be done.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Stable codes; a client may rely on them, the texts beside them may change.
pub mod code {
    /// Declares the codes, and [`ALL`] of them for the generated documents: none can be left out of either.
    macro_rules! codes {
        ($(#[doc = $doc:literal] $name:ident = $code:literal;)+) => {
            $(#[doc = $doc] pub const $name: &str = $code;)+

            /// Every code with what it means.
            pub const ALL: &[(&str, &str)] = &[$(($code, $doc)),+];
        };
    }

    codes! {
        /// A field is missing, of the wrong type or out of bounds; `field` names it.
        INVALID_PAYLOAD = "request/invalid-payload";
        /// No such event.
        UNKNOWN_EVENT = "request/unknown-event";
        /// Larger than an event may be.
        TOO_LARGE = "request/too-large";
        /// Binary data where JSON is due.
        BINARY = "request/binary-not-accepted";
        /// Too many events in too short a time; `retryAfterMs` says when to go on.
        RATE_LIMITED = "request/rate-limited";
        /// The server has more work than it can take from this socket right now.
        BUSY = "server/busy";
        /// No answer in time: whether it took effect is not known; repeat with the same `clientMessageId`.
        TIMEOUT = "server/timeout";
        /// The message broker can't be reached.
        UNAVAILABLE = "server/unavailable";
        /// A fault of ours.
        INTERNAL = "server/internal";
        /// The handshake had no token.
        NO_TOKEN = "auth/no-token";
        /// The token is malformed, expired, not yet valid, or not signed by us.
        INVALID_TOKEN = "auth/invalid-token";
        /// The token's user does not exist.
        USER_NOT_FOUND = "auth/user-not-found";
        /// The new token belongs to somebody else.
        OTHER_USER = "auth/other-user";
        /// The caller may not enter this room.
        ROOM_FORBIDDEN = "chat/room-forbidden";
        /// Nobody has joined this room yet.
        ROOM_NOT_FOUND = "chat/room-not-found";
        /// The socket is not in the room.
        NOT_IN_ROOM = "chat/not-in-room";
        /// Nothing is left of the message after sanitising.
        EMPTY_MESSAGE = "chat/empty-message";
        /// Longer than a message may be after sanitising.
        MESSAGE_TOO_LONG = "chat/message-too-long";
        /// No such message, or not one the caller may see.
        MESSAGE_NOT_FOUND = "chat/message-not-found";
        /// Nobody marks their own messages read.
        OWN_MESSAGE = "chat/own-message";
        /// The file's address is neither ours nor on an allowed host.
        FILE_HOST = "chat/file-host-not-allowed";
        /// The message replied to is not in this room.
        REPLY_NOT_FOUND = "chat/reply-not-found";
    }
}

/// Why something was refused: in an acknowledgement's `error`, or as the `error` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// What went wrong, for programs.
    #[ts(type = "ErrorCode")]
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
