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
        /// Far too many events past the limit: the connection is closed; `retryAfterMs` says when to come back.
        FLOODING = "request/flooding";
        /// The server has more work than it can take right now, or from this user; `retryAfterMs` says when to try again.
        BUSY = "server/busy";
        /// No answer in time: whether it took effect is not known; repeat with the same `clientMessageId`.
        TIMEOUT = "server/timeout";
        /// The message broker can't be reached.
        UNAVAILABLE = "server/unavailable";
        /// What was asked for is done, but the answer is larger than can be sent: ask for less at a time.
        ANSWER_TOO_LARGE = "server/answer-too-large";
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
        /// A mentor or admin has muted the caller in this room; `retryAfterMs` says for how long.
        MUTED = "chat/muted";
        /// Only its sender changes a message; and nobody one that was removed.
        NOT_EDITABLE = "chat/not-editable";
        /// Not one emoji, or one more than a message may have.
        INVALID_REACTION = "chat/invalid-reaction";
        /// The caller has opened, or is in, as many rooms as one may: `leave-room` makes room for others.
        ROOM_TOO_MANY = "chat/too-many-rooms";
        /// The message replied to is not in this room.
        REPLY_NOT_FOUND = "chat/reply-not-found";
        /// The caller's role may not do this.
        FORBIDDEN = "auth/forbidden";
        /// There is nothing at this address.
        NO_ROUTE = "http/not-found";
        /// What is at this address can't be used with this method; `Allow` names those that it can.
        METHOD = "http/method-not-allowed";
        /// The body is of a type that this route does not read.
        MEDIA_TYPE = "http/unsupported-media-type";
        /// No such exam, or not one the caller may see.
        EXAM_NOT_FOUND = "exam/not-found";
        /// Exams are taken by students; mentors and admins watch them with `exam-monitor`.
        EXAM_STUDENTS_ONLY = "exam/students-only";
        /// The caller has no session in this exam: `join-exam` begins one.
        EXAM_NOT_JOINED = "exam/not-joined";
        /// The student named has no session in this exam.
        EXAM_NO_SESSION = "exam/no-session";
        /// The exam's time has not come yet.
        EXAM_NOT_STARTED = "exam/not-started";
        /// The exam has ended; nobody can begin it any more.
        EXAM_OVER = "exam/over";
        /// Sent after the session's time was over.
        EXAM_TIME_EXPIRED = "exam/time-expired";
        /// The session is completed; nothing changes it any more.
        EXAM_COMPLETED = "exam/completed";
        /// A proctor has paused the session.
        EXAM_PAUSED = "exam/paused";
        /// The exam has no question with this index.
        EXAM_INVALID_QUESTION = "exam/invalid-question";
        /// The answer does not fit its question.
        EXAM_INVALID_ANSWER = "exam/invalid-answer";
        /// The answers of this session were changed more often than is kept.
        EXAM_TOO_MANY_CHANGES = "exam/too-many-changes";
        /// Only a draft can be changed in this way.
        EXAM_NOT_A_DRAFT = "exam/not-a-draft";
        /// The exam is not published.
        EXAM_NOT_PUBLISHED = "exam/not-published";
        /// An exam without questions can't be published.
        EXAM_EMPTY = "exam/no-questions";
        /// The questions are not as they must be; `faults` names each fault with its line.
        EXAM_INVALID_QUESTIONS = "exam/invalid-questions";
        /// The schedule can't be kept: it ends before it begins, or has begun.
        EXAM_INVALID_SCHEDULE = "exam/invalid-schedule";
        /// The caller has no result in this exam yet.
        EXAM_NO_RESULT = "exam/no-result";
        /// The socket does not watch this board.
        BOARD_NOT_WATCHED = "leaderboard/not-watched";
        /// The socket watches as many boards as one may; `leaderboard-unsubscribe` makes room.
        TOO_MANY_BOARDS = "leaderboard/too-many-boards";
        /// No such study group, or not one the caller may know of.
        GROUP_NOT_FOUND = "study-group/not-found";
        /// The group has as many members as it may have.
        GROUP_FULL = "study-group/full";
        /// The caller, or whoever is named, is not a member of the group.
        GROUP_NOT_MEMBER = "study-group/not-a-member";
        /// The caller is in as many groups as one may be in.
        GROUP_TOO_MANY = "study-group/too-many";
        /// The caller has invited as many people as one may who have not come yet.
        INVITATION_TOO_MANY = "study-group/too-many-invitations";
        /// The user who is named does not exist.
        USER_UNKNOWN = "user/not-found";
        /// No such file, or not one the caller may read or post.
        FILE_NOT_FOUND = "file/not-found";
        /// Not a type of file that is taken, whatever its name says.
        FILE_TYPE = "file/type-not-allowed";
        /// It begins as an image, and is none that can be shown; or it is too large in pixels.
        FILE_IMAGE = "file/invalid-image";
        /// Nothing of the file came for too long, or not all of it in the time that an upload may take.
        UPLOAD_TOO_SLOW = "file/too-slow";
        /// No file in the form.
        FILE_MISSING = "file/missing";
        /// The caller has as many files as one may, or as many bytes, or has uploaded as much today.
        FILE_QUOTA = "file/quota";
        /// No such notification, or not one of the caller's.
        NOTIFICATION_NOT_FOUND = "notification/not-found";
        /// The user who is to be told does not exist.
        NOTIFICATION_NO_USER = "notification/no-such-user";
        /// The caller has sent as many notifications as one may in a day; `retryAfterMs` says when to go on.
        NOTIFICATION_TOO_MANY = "notification/too-many";
        /// The address is neither a path nor http(s).
        NOTIFICATION_ACTION_URL = "notification/invalid-action-url";
        /// The endpoint belongs to no push service that is allowed.
        PUSH_ENDPOINT = "push/endpoint-not-allowed";
        /// The keys of a push subscription are not as they must be.
        PUSH_KEYS = "push/invalid-keys";
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
    /// Everything that is wrong with a file, in the order of its lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Fault>>")]
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The line it begins in, from 1; of a list, the item's number.
    pub line: u32,
    /// For people, in English.
    pub reason: String,
}

impl ErrorBody {
    /// An error with a code and a text.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
            field: None,
            retry_after_ms: None,
            faults: Vec::new(),
        }
    }

    /// The same, naming the field that is at fault.
    #[must_use]
    pub fn on_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}
