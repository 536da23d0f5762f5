//! Every event that clients see, as data: the generated documents are written from it.
//!
//! An entry is made from the types' traits, so it can't name an event, a payload or an acknowledgement
//! that the code does not use.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use ts_rs::{Config, TS, TypeVisitor};

use crate::chat::{
    JoinRoom, LeaveRoom, MarkMessageRead, MessageHistory, MessageRead, MessageSent, ReceiveMessage, RoomJoined,
    RoomLeft, RoomRemoved, SendMessage, SetTyping, TypingIndicator, UserJoinedRoom, UserLeftRoom,
};
use crate::exam::{
    CompleteExam, ExamAnswerSaved, ExamCompleted, ExamJoined, ExamLeft, ExamProgressSaved, ExamStarted, JoinExam,
    LeaveExam, ParticipantCompletedExam, ParticipantJoinedExam, ParticipantLeftExam, SaveAnswer, SaveProgress,
};
use crate::file::FileUploadProgress;
use crate::leaderboard::{
    LeaderboardData, LeaderboardRankChanged, LeaderboardUpdated, RequestLeaderboard, UnsubscribeLeaderboard,
    UpdateLeaderboard,
};
use crate::moderation::{
    EditMessage, MessageEdited, MessageReactions, MessageRemoved, MuteUser, ReactToMessage, ReadThread, RemoveMessage,
    SearchMessages, UserMuted,
};
use crate::notification::{
    ListNotifications, NewNotification, NotificationRead, NotificationRemoved, NotificationSent, NotificationsReadAll,
    NotificationsSnapshot, PreferencesChanged, ReadAllNotifications, ReadNotification, ReadPreferences,
    SendNotification, SetPreferences,
};
use crate::presence::{SetStatus, UserStatusChange};
use crate::proctoring::{
    ExamMonitorSnapshot, ExamMonitorUpdate, ExamPaused, ExamResumed, ExamTimeExtended, ExtendExam, MonitorExam,
    PauseExam, ResumeExam,
};
use crate::room_list::ListRooms;
use crate::session::{
    AuthRefresh, AuthRefreshed, ErrorEvent, Heartbeat, HeartbeatAck, ResyncRequired, ServerClosing, TokenExpiring,
};
use crate::study_group::{
    CreateGroup, InviteMember, JoinGroup, LeaveGroup, ListGroups, RemoveMember, SendGroupMessage, StudyGroupAvailable,
    StudyGroupCreated, StudyGroupDeleted, StudyGroupJoined, StudyGroupLeft, StudyGroupMemberJoined,
    StudyGroupMemberLeft,
};
use crate::{ClientEvent, Command, ErrorBody, Query, ServerEvent};

/// What clients send, in the order in which the documents list it.
pub fn client_events() -> Vec<ClientEntry> {
    vec![
        ClientEntry::command::<JoinRoom>().then::<RoomJoined>(Hears::Sender).then::<UserJoinedRoom>(Hears::Others),
        ClientEntry::command::<LeaveRoom>().then::<RoomLeft>(Hears::Sender).then::<UserLeftRoom>(Hears::Others),
        ClientEntry::command::<SendMessage>().then::<ReceiveMessage>(Hears::Room),
        ClientEntry::query::<SetTyping>().then::<TypingIndicator>(Hears::Others),
        ClientEntry::command::<MarkMessageRead>().then::<MessageRead>(Hears::Others),
        ClientEntry::query::<MessageHistory>(),
        ClientEntry::query::<ListRooms>(),
        ClientEntry::command::<EditMessage>().then::<MessageEdited>(Hears::Room),
        ClientEntry::command::<RemoveMessage>().then::<MessageRemoved>(Hears::Room),
        ClientEntry::command::<ReactToMessage>().then::<MessageReactions>(Hears::Room),
        ClientEntry::query::<ReadThread>(),
        ClientEntry::query::<SearchMessages>(),
        ClientEntry::command::<MuteUser>().then::<UserMuted>(Hears::Room),
        ClientEntry::command::<SetStatus>().then::<UserStatusChange>(Hears::Acquaintances),
        ClientEntry::answered_by_gateway::<JoinExam, ExamJoined>()
            .then::<ExamJoined>(Hears::Sender)
            .then::<ParticipantJoinedExam>(Hears::Participants)
            .then::<ExamStarted>(Hears::Participants),
        ClientEntry::answered_by_gateway::<LeaveExam, ExamLeft>()
            .then::<ExamLeft>(Hears::Sender)
            .then::<ParticipantLeftExam>(Hears::Participants),
        ClientEntry::command::<SaveProgress>()
            .then::<ExamProgressSaved>(Hears::Sender)
            .then::<ExamMonitorUpdate>(Hears::Proctors),
        ClientEntry::command::<SaveAnswer>()
            .then::<ExamAnswerSaved>(Hears::Sender)
            .then::<ExamMonitorUpdate>(Hears::Proctors),
        ClientEntry::command::<CompleteExam>()
            .then::<ExamCompleted>(Hears::OwnSockets)
            .then::<ParticipantCompletedExam>(Hears::Participants)
            .then::<ExamMonitorUpdate>(Hears::Proctors),
        ClientEntry::query::<MonitorExam>()
            .then::<ExamMonitorSnapshot>(Hears::Sender)
            .then::<ExamMonitorUpdate>(Hears::Proctors),
        ClientEntry::command::<ExtendExam>().then::<ExamTimeExtended>(Hears::Concerned),
        ClientEntry::command::<PauseExam>().then::<ExamPaused>(Hears::Concerned),
        ClientEntry::command::<ResumeExam>().then::<ExamResumed>(Hears::Concerned),
        ClientEntry::query::<RequestLeaderboard>()
            .then::<LeaderboardData>(Hears::Sender)
            .then::<LeaderboardUpdated>(Hears::Watchers)
            .then::<LeaderboardRankChanged>(Hears::Concerned),
        ClientEntry::answered_by_gateway::<UnsubscribeLeaderboard, ()>(),
        ClientEntry::command::<UpdateLeaderboard>().then::<LeaderboardUpdated>(Hears::Watchers),
        ClientEntry::command::<SendNotification>()
            .then::<NotificationSent>(Hears::Sender)
            .then::<NewNotification>(Hears::Concerned),
        ClientEntry::command::<ReadNotification>().then::<NotificationRead>(Hears::OwnSockets),
        ClientEntry::command::<ReadAllNotifications>().then::<NotificationsReadAll>(Hears::OwnSockets),
        ClientEntry::query::<ListNotifications>(),
        ClientEntry::query::<ReadPreferences>(),
        ClientEntry::command::<SetPreferences>().then::<PreferencesChanged>(Hears::OwnSockets),
        ClientEntry::command::<CreateGroup>()
            .then::<StudyGroupCreated>(Hears::Sender)
            .then::<StudyGroupAvailable>(Hears::ListWatchers),
        ClientEntry::command::<JoinGroup>()
            .then::<StudyGroupJoined>(Hears::Sender)
            .then::<StudyGroupMemberJoined>(Hears::Others),
        ClientEntry::command::<LeaveGroup>()
            .then::<StudyGroupLeft>(Hears::Sender)
            .then::<RoomRemoved>(Hears::OwnSockets)
            .then::<StudyGroupMemberLeft>(Hears::Others)
            .then::<StudyGroupDeleted>(Hears::ListWatchers),
        ClientEntry::answered_by_gateway::<SendGroupMessage, MessageSent>().then::<ReceiveMessage>(Hears::Room),
        ClientEntry::query::<ListGroups>(),
        ClientEntry::command::<InviteMember>().then::<NewNotification>(Hears::Concerned),
        ClientEntry::command::<RemoveMember>()
            .then::<RoomRemoved>(Hears::Concerned)
            .then::<StudyGroupMemberLeft>(Hears::Others),
        ClientEntry::answered_by_gateway::<Heartbeat, HeartbeatAck>().then::<HeartbeatAck>(Hears::Sender),
        ClientEntry::answered_by_gateway::<AuthRefresh, AuthRefreshed>(),
    ]
}

/// What clients receive, in the order in which the documents list it.
pub fn server_events() -> Vec<ServerEntry> {
    vec![
        ServerEntry::of::<RoomJoined>(),
        ServerEntry::of::<RoomLeft>(),
        ServerEntry::of::<UserJoinedRoom>(),
        ServerEntry::of::<UserLeftRoom>(),
        ServerEntry::of::<ReceiveMessage>(),
        ServerEntry::of::<TypingIndicator>(),
        ServerEntry::of::<MessageRead>(),
        ServerEntry::of::<MessageEdited>(),
        ServerEntry::of::<MessageRemoved>(),
        ServerEntry::of::<MessageReactions>(),
        ServerEntry::of::<UserMuted>(),
        ServerEntry::of::<UserStatusChange>(),
        ServerEntry::of::<ExamJoined>(),
        ServerEntry::of::<ExamLeft>(),
        ServerEntry::of::<ExamStarted>(),
        ServerEntry::of::<ExamProgressSaved>(),
        ServerEntry::of::<ExamAnswerSaved>(),
        ServerEntry::of::<ExamCompleted>(),
        ServerEntry::of::<ParticipantJoinedExam>(),
        ServerEntry::of::<ParticipantLeftExam>(),
        ServerEntry::of::<ParticipantCompletedExam>(),
        ServerEntry::of::<ExamMonitorSnapshot>(),
        ServerEntry::of::<ExamMonitorUpdate>(),
        ServerEntry::of::<ExamTimeExtended>(),
        ServerEntry::of::<ExamPaused>(),
        ServerEntry::of::<ExamResumed>(),
        ServerEntry::of::<LeaderboardData>(),
        ServerEntry::of::<LeaderboardUpdated>(),
        ServerEntry::of::<LeaderboardRankChanged>(),
        ServerEntry::of::<NotificationsSnapshot>(),
        ServerEntry::of::<NotificationSent>(),
        ServerEntry::of::<NewNotification>(),
        ServerEntry::of::<NotificationRead>(),
        ServerEntry::of::<NotificationsReadAll>(),
        ServerEntry::of::<NotificationRemoved>(),
        ServerEntry::of::<PreferencesChanged>(),
        ServerEntry::of::<FileUploadProgress>(),
        ServerEntry::of::<RoomRemoved>(),
        ServerEntry::of::<StudyGroupCreated>(),
        ServerEntry::of::<StudyGroupAvailable>(),
        ServerEntry::of::<StudyGroupJoined>(),
        ServerEntry::of::<StudyGroupMemberJoined>(),
        ServerEntry::of::<StudyGroupLeft>(),
        ServerEntry::of::<StudyGroupMemberLeft>(),
        ServerEntry::of::<StudyGroupDeleted>(),
        ServerEntry::of::<HeartbeatAck>(),
        ServerEntry::of::<TokenExpiring>(),
        ServerEntry::of::<ErrorEvent>(),
        ServerEntry::of::<ResyncRequired>(),
        ServerEntry::of::<ServerClosing>(),
    ]
}

/// What every refused event is answered with.
pub fn failure() -> Shape {
    Shape::of::<ErrorBody>()
}

/// Whose sockets hear of what an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// The socket that sent it.
    Sender,
    /// Everyone in the room, the sender too.
    Room,
    /// Everyone in the room but the sender.
    Others,
    /// Everyone who shares a room with the sender.
    Acquaintances,
    /// All sockets of the sender, on whatever device.
    OwnSockets,
    /// The other students in the exam.
    Participants,
    /// The mentors and admins who watch the exam.
    Proctors,
    /// Those whose sessions or ranks it changes.
    Concerned,
    /// Everyone who watches the board.
    Watchers,
    /// Everyone who watches the list of study groups.
    ListWatchers,
}

impl Hears {
    /// The name in the documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Room => "room",
            Self::Others => "others-in-room",
            Self::Acquaintances => "users-sharing-a-room",
            Self::OwnSockets => "all-sockets-of-the-sender",
            Self::Participants => "others-in-exam",
            Self::Proctors => "proctors-of-exam",
            Self::Concerned => "users-concerned",
            Self::Watchers => "watchers-of-board",
            Self::ListWatchers => "watchers-of-list",
        }
    }
}

/// An event that clients send.
#[derive(Debug, Clone)]
pub struct ClientEntry {
    pub name: &'static str,
    pub payload: Shape,
    /// What stands beside `ok: true` in the acknowledgement; `None` for nothing.
    pub reply: Option<Shape>,
    /// The server events it leads to, and who hears each.
    pub leads_to: Vec<(&'static str, Hears)>,
}

impl ClientEntry {
    fn command<T>() -> Self
    where
        T: ClientEvent + Command<Reply: TS + JsonSchema + 'static> + TS + JsonSchema,
    {
        Self::answered_by_gateway::<T, <T as Command>::Reply>()
    }

    fn query<T>() -> Self
    where
        T: ClientEvent + Query<Reply: TS + JsonSchema + 'static> + TS + JsonSchema,
    {
        Self::answered_by_gateway::<T, <T as Query>::Reply>()
    }

    fn answered_by_gateway<T: ClientEvent + TS + JsonSchema, R: TS + JsonSchema + 'static>() -> Self {
        let nothing = size_of::<R>() == 0;
        Self { name: T::NAME, payload: Shape::of::<T>(), reply: (!nothing).then(Shape::of::<R>), leads_to: Vec::new() }
    }

    fn then<T: ServerEvent>(mut self, hears: Hears) -> Self {
        self.leads_to.push((T::NAME, hears));
        self
    }
}

/// An event that clients receive.
#[derive(Debug, Clone)]
pub struct ServerEntry {
    pub name: &'static str,
    pub payload: Shape,
}

impl ServerEntry {
    fn of<T: ServerEvent + TS + JsonSchema + 'static>() -> Self {
        Self { name: T::NAME, payload: Shape::of::<T>() }
    }
}

/// A type as the generators see it.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its name in TypeScript.
    pub typescript: fn(&Config) -> String,
    /// Adds its TypeScript declaration, and those of all it is made of.
    pub declare: fn(&mut Declarations),
    /// Its name among the schemas.
    pub schema_name: fn() -> std::borrow::Cow<'static, str>,
    /// Its schema, or a reference to it.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Shape {
    fn of<T: TS + JsonSchema + 'static>() -> Self {
        Self {
            typescript: T::name,
            declare: |declarations| declarations.visit::<T>(),
            schema_name: T::schema_name,
            schema: |generator| generator.subschema_for::<T>(),
        }
    }
}

/// TypeScript declarations by name, so that they come out in the same order every time.
#[derive(Default)]
pub struct Declarations {
    config: Config,
    by_name: BTreeMap<String, Declaration>,
}

/// One TypeScript declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// A comment block, or nothing.
    pub docs: String,
    /// `type Name = …;`
    pub text: String,
}

impl Declarations {
    /// How types are written.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was declared, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Declaration)> {
        self.by_name.iter().map(|(name, declaration)| (name.as_str(), declaration))
    }
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only types that are declared somewhere have a path; the others are TypeScript's own.
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(&self.config);
        if self.by_name.contains_key(&name) {
            return;
        }
        let declaration = Declaration { docs: T::docs().unwrap_or_default(), text: T::decl(&self.config) };
        self.by_name.insert(name, declaration);
        T::visit_dependencies(self);
    }
}
