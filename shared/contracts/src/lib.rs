//! The contract of Sinaesta Realtime: every message that crosses a process boundary, as a Rust type.
//!
//! Pure: no I/O, no clock. Only the types in here name a subject, an event or a payload; nothing else
//! spells or parses one. The TypeScript types and the AsyncAPI document are generated from them.
//!
//! # Adding an event
//!
//! 1. Write its payload struct in the module of its domain and derive `Serialize, Deserialize, TS, JsonSchema`.
//! 2. Implement [`ClientEvent`] (a client sends it), [`ServerEvent`] (a client receives it), [`Command`],
//!    [`Query`], [`Event`] or [`Signal`] for it: each is one constant or two.
//! 3. If clients see it, name it in [`catalog`].
//! 4. `cargo xtask codegen` writes the generated documents; a test compares them.

pub mod account;
pub mod catalog;
pub mod chat;
pub mod error;
pub mod exam;
pub mod exam_authoring;
pub mod exam_grading;
pub mod file;
pub mod ids;
pub mod invisible;
pub mod leaderboard;
pub mod message;
pub mod moderation;
pub mod notification;
pub mod number;
pub mod page;
pub mod points;
pub mod presence;
pub mod proctoring;
pub mod retelling;
pub mod rights;
pub mod room_list;
pub mod session;
pub mod stream;
pub mod study_group;
pub mod subject;
pub mod text;
pub mod timestamp;
pub mod user;

pub use error::{ErrorBody, Fault, code};
pub use ids::{
    ExamId, FileId, GatewayId, GroupId, MessageId, NotificationId, ResultId, RoomId, RoomKind, SessionId, UserId,
};
pub use message::{ClientEvent, Command, Envelope, Event, Query, ServerEvent, Signal};
pub use number::BoundedNumber;
pub use points::Points;
pub use rights::{OPERATOR, Rights, consumer_name};
pub use stream::{FILE_BUCKET, FILE_STREAM, Stream};
pub use subject::{Audience, AudienceKind, PARTITIONS, Partition, Service, Subject};
pub use text::BoundedText;
pub use timestamp::Timestamp;
pub use user::{Actor, Role, is_avatar, shown_name};
