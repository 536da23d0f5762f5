//! Identifiers. Each is a type of its own, and only a validated one can become part of a subject.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use ts_rs::TS;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

uuid_id!(
    /// A person's id, as it stands in the token.
    UserId
);
uuid_id!(
    /// A chat message's id: the id of the command that posted it.
    MessageId
);
uuid_id!(
    /// One run of one gateway process: made anew at every start.
    GatewayId
);
uuid_id!(
    /// An exam's id: the id of the command that created it.
    ExamId
);
uuid_id!(
    /// One student's sitting of one exam: the id of the command that began it.
    SessionId
);
uuid_id!(
    /// What a session was graded as.
    ResultId
);
uuid_id!(
    /// A notification's id: the same whenever and wherever it is told.
    NotificationId
);

uuid_id!(
    /// A study group's id: the id of the command that made it.
    GroupId
);

uuid_id!(
    /// A file's id, and its name in the object store.
    FileId
);

impl FileId {
    /// Where it is read.
    pub fn url(self) -> String {
        format!("/api/files/{self}")
    }

    /// The file that an address of ours names.
    pub fn from_url(url: &str) -> Option<Self> {
        let id = url.strip_prefix("/api/files/")?;
        canonical_uuid(id).map(Self)
    }
}

/// Why a room id was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidRoomId {
    /// Shorter than 1 or longer than 128 characters.
    #[error("a room id has 1 to {} characters", RoomId::MAX_LEN)]
    Length,
    /// A character outside `A-Z a-z 0-9 : _ -`.
    #[error("a room id has only the characters A-Z a-z 0-9 : _ -")]
    Character,
    /// A prefix with a meaning whose rest does not fit it.
    #[error("a room id that begins with `{0}` must go on with {1}")]
    Shape(&'static str, &'static str),
}

/// A room's id: 1 to 128 characters of `A-Z a-z 0-9 : _ -`; its prefix decides its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = Self::MAX_LEN, "pattern" = "^[A-Za-z0-9:_-]+$"))]
#[ts(type = "string")]
pub struct RoomId(String);

/// What a room's prefix says about it, and so who may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// `mentor:<key>`: the student who opened it, mentors and admins.
    Mentor,
    /// `direct:<user>:<user>`: those two.
    Direct(UserId, UserId),
    /// `study-group:<uuid>`: the group's members.
    StudyGroup(Uuid),
    /// `exam:<uuid>`: those who have a session in the exam, mentors and admins.
    Exam(Uuid),
    /// Anything else: everyone who is signed in.
    Open,
}

impl RoomKind {
    /// The name under which the kind is stored and shown.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Mentor => "MENTOR",
            Self::Direct(..) => "DIRECT",
            Self::StudyGroup(_) => "STUDY_GROUP",
            Self::Exam(_) => "EXAM",
            Self::Open => "OPEN",
        }
    }
}

impl RoomId {
    /// The longest room id, in characters (all of them are ASCII).
    pub const MAX_LEN: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of room this is.
    pub fn kind(&self) -> RoomKind {
        // The shape was checked when the id was made, so a prefix that does not parse can't occur.
        Self::parse_kind(&self.0).unwrap_or(RoomKind::Open)
    }

    fn parse_kind(id: &str) -> Result<RoomKind, InvalidRoomId> {
        let Some((prefix, rest)) = id.split_once(':') else { return Ok(RoomKind::Open) };
        match prefix {
            "mentor" if rest.is_empty() => Err(InvalidRoomId::Shape("mentor:", "a key")),
            "mentor" => Ok(RoomKind::Mentor),
            "direct" => rest
                .split_once(':')
                .and_then(|(a, b)| Some((canonical_uuid(a)?, canonical_uuid(b)?)))
                .filter(|(a, b)| a != b)
                .map(|(a, b)| RoomKind::Direct(UserId(a), UserId(b)))
                .ok_or(InvalidRoomId::Shape("direct:", "two different user ids")),
            "study-group" => {
                canonical_uuid(rest).map(RoomKind::StudyGroup).ok_or(InvalidRoomId::Shape("study-group:", "a group id"))
            }
            "exam" => canonical_uuid(rest).map(RoomKind::Exam).ok_or(InvalidRoomId::Shape("exam:", "an exam id")),
            _ => Ok(RoomKind::Open),
        }
    }
}

/// A uuid in its lower-case hyphenated form only, so that one room can't go by two ids.
fn canonical_uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::from_str(text).ok()?;
    (id.hyphenated().to_string() == text).then_some(id)
}

impl From<ExamId> for RoomId {
    /// The room of those who take or watch an exam.
    fn from(exam: ExamId) -> Self {
        Self(format!("exam:{exam}"))
    }
}

impl From<GroupId> for RoomId {
    /// The room of a study group.
    fn from(group: GroupId) -> Self {
        Self(format!("study-group:{group}"))
    }
}

impl TryFrom<String> for RoomId {
    type Error = InvalidRoomId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(InvalidRoomId::Length);
        }
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-')) {
            return Err(InvalidRoomId::Character);
        }
        // `direct:` rooms are one room in either order of their ids: the smaller one stands first.
        match Self::parse_kind(&id)? {
            RoomKind::Direct(a, b) => Ok(Self(format!("direct:{}:{}", a.min(b), a.max(b)))),
            _ => Ok(Self(id)),
        }
    }
}

impl FromStr for RoomId {
    type Err = InvalidRoomId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::try_from(id.to_owned())
    }
}

impl From<RoomId> for String {
    fn from(id: RoomId) -> Self {
        id.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_room_is_the_same_room_in_either_order() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let one: RoomId = format!("direct:{a}:{b}").parse().unwrap();
        let two: RoomId = format!("direct:{b}:{a}").parse().unwrap();
        assert_eq!(one, two);
        assert_eq!(one.kind(), RoomKind::Direct(UserId(a), UserId(b)));
    }

    #[test]
    fn what_can_not_be_a_room_id_is_refused() {
        for id in
            ["", "a.b", "a b", "room*", "room>", "direct:x", "direct:a:b", "exam:7", "mentor:", "é", &"x".repeat(129)]
        {
            assert!(id.parse::<RoomId>().is_err(), "{id:?} was accepted");
        }
    }

    #[test]
    fn prefixes_decide_the_kind() {
        assert_eq!("room-123".parse::<RoomId>().unwrap().kind(), RoomKind::Open);
        assert_eq!("mentor:user-123".parse::<RoomId>().unwrap().kind(), RoomKind::Mentor);
        let id = Uuid::from_u128(7);
        assert_eq!(format!("exam:{id}").parse::<RoomId>().unwrap().kind(), RoomKind::Exam(id));
    }
}
