//! The rooms of one user, as a list of conversations shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::chat::ChatMessage;
use crate::{ClientEvent, Query, RoomId, Service};

/// Unread messages are counted up to here.
pub const MAX_UNREAD: i64 = 1_000;

/// Asks for one's rooms: those one has joined, those of two that somebody else has written in, and for mentors and admins
/// every student's `mentor:` room. The latest 100, those first in which something was said last.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListRooms {}

impl ClientEvent for ListRooms {
    const NAME: &'static str = "room-list";
}

impl Query for ListRooms {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "list-rooms-v1";
    type Reply = RoomList;
}

/// One's rooms.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomList {
    pub rooms: Vec<RoomSummary>,
    /// There are more than one answer takes.
    #[serde(default)]
    pub has_more: bool,
}

/// A room as a list shows it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct RoomSummary {
    pub room_id: RoomId,
    pub room_type: RoomType,
    /// The study group's, the other one's, or that of the student whose mentor room it is; `null`: show the id.
    pub name: Option<String>,
    /// `null` in an empty room; of a message of more than 1,000 bytes the beginning, as text.
    pub last_message: Option<ChatMessage>,
    #[ts(type = "number")]
    pub last_seq: i64,
    /// Up to where the user has read; 0 for nothing.
    #[ts(type = "number")]
    pub last_read_seq: i64,
    /// Messages of others that the user has not read; 1,000 stands for that and more. Removed ones and the user's own do not
    /// count among the first 50, those behind them do.
    #[ts(type = "number")]
    pub unread_count: i64,
}

/// What kind of room it is: what its id begins with says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoomType {
    Mentor,
    Direct,
    StudyGroup,
    Exam,
    Open,
}

impl From<crate::RoomKind> for RoomType {
    fn from(kind: crate::RoomKind) -> Self {
        match kind {
            crate::RoomKind::Mentor => Self::Mentor,
            crate::RoomKind::Direct(..) => Self::Direct,
            crate::RoomKind::StudyGroup(_) => Self::StudyGroup,
            crate::RoomKind::Exam(_) => Self::Exam,
            crate::RoomKind::Open => Self::Open,
        }
    }
}
