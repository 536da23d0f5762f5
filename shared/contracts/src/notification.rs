//! Notifications: what somebody is told of, and what of it is unread.
//!
//! Whatever changes what a user sees carries their count of unread notifications and a version. Versions of one user
//! only grow: a count whose version is not higher than the last one's is old, and so is what is said of one
//! notification with a lower version than was said of it before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::leaderboard::Specialty;
use crate::{
    Actor, BoundedNumber, BoundedText, ClientEvent, Command, ExamId, GroupId, NotificationId, Query, ResultId, Role,
    RoomId, ServerEvent, Service, SessionId, Timestamp, UserId,
};

/// How many notifications a snapshot has, and a list when the client does not say.
pub const LATEST: u32 = 20;
/// The most notifications that one page of a list has.
pub const MAX_PAGE: u32 = 100;
/// The most bytes that `data` has as JSON.
pub const MAX_DATA_BYTES: usize = 4_096;
/// How deep its arrays and objects are nested at the most.
pub const MAX_DATA_DEPTH: usize = 32;

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotificationType {
    ExamUpdate,
    Message,
    Leaderboard,
    System,
}

impl NotificationType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ExamUpdate, Self::Message, Self::Leaderboard, Self::System];

    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExamUpdate => "EXAM_UPDATE",
            Self::Message => "MESSAGE",
            Self::Leaderboard => "LEADERBOARD",
            Self::System => "SYSTEM",
        }
    }

    /// The type with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Shown, but never pushed.
    Low,
    #[default]
    Normal,
    High,
    /// Told again until it is read; neither quiet hours nor an exam nor preferences hold it back.
    Urgent,
}

impl Priority {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    /// The priority with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Low, Self::Normal, Self::High, Self::Urgent].into_iter().find(|one| one.as_str() == name)
    }
}

/// A notification as its reader sees it. All of its texts are plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Notification {
    pub id: NotificationId,
    /// The reader; of an announcement, each of its readers.
    pub user_id: UserId,
    #[serde(rename = "type")]
    pub kind: NotificationType,
    pub title: String,
    pub message: String,
    /// Whatever its sender gave; of the system's own, `kind` says what it is about and the rest where to find it.
    #[ts(type = "any")]
    pub data: Value,
    pub is_read: bool,
    pub priority: Priority,
    /// A path of this site, or an http(s) address.
    pub action_url: Option<String>,
    pub created_at: Timestamp,
    /// When it last said something new: lists are in this order, newest first.
    pub updated_at: Timestamp,
    /// How many messages it stands for; 1 of anything else.
    pub count: u32,
}

/// Tells oneself, another user, or an audience.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendNotification {
    /// Left out, with no `audience` either: oneself. Another user: for mentors and admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user_id: Option<UserId>,
    /// For admins, instead of `userId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub audience: Option<Recipients>,
    #[serde(rename = "type")]
    pub kind: NotificationType,
    /// 1 to 200 characters.
    pub title: BoundedText<200>,
    /// 1 to 2,000 characters.
    pub message: BoundedText<2_000>,
    /// Any JSON of up to 4,096 bytes and 32 levels; it comes back as it is.
    #[serde(default, skip_serializing_if = "Data::is_null")]
    #[ts(optional, type = "any")]
    pub data: Data,
    #[serde(default)]
    #[ts(optional, as = "Option<Priority>")]
    pub priority: Priority,
    /// A path that begins with `/`, or an http(s) address; up to 2,048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub action_url: Option<BoundedText<2_048>>,
}

/// JSON within bounds, never looked into.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(try_from = "Value", into = "Value")]
#[ts(type = "any")]
#[schemars(with = "Value", inline)]
pub struct Data(Value);

impl Data {
    /// Whether there is none.
    pub fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

impl TryFrom<Value> for Data {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        fn depth(value: &Value) -> usize {
            match value {
                Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
                Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
                _ => 0,
            }
        }
        if depth(&value) > MAX_DATA_DEPTH {
            return Err(format!("must have no more than {MAX_DATA_DEPTH} levels"));
        }
        if value.to_string().len() > MAX_DATA_BYTES {
            return Err(format!("must have no more than {MAX_DATA_BYTES} bytes"));
        }
        Ok(Self(value))
    }
}

impl From<Data> for Value {
    fn from(data: Data) -> Self {
        data.0
    }
}

/// Whom an announcement is for: everybody, or those with a role, with a specialty, or with both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recipients {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<Specialty>,
    /// Everybody: alone.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub all: bool,
}

impl ClientEvent for SendNotification {
    const NAME: &'static str = "notification-send";
}

impl Command for SendNotification {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "send-notification-v1";
    type Reply = NotificationSent;

    fn partition_key(&self, actor: &Actor) -> String {
        match &self.audience {
            Some(_) => ANNOUNCEMENTS.to_owned(),
            None => self.user_id.unwrap_or(actor.user_id).to_string(),
        }
    }
}

/// The partition key of whatever concerns announcements: they happen one after another.
const ANNOUNCEMENTS: &str = "announcements";

/// The notification is stored.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSent {
    pub notification_id: NotificationId,
    pub timestamp: Timestamp,
}

impl ServerEvent for NotificationSent {
    const NAME: &'static str = "notification-sent";
}

/// Something new, or a known one that says something new: the whole notification. The same id is the same one.
///
/// An announcement is delivered once for all of its readers; the gateways put each reader, count and version in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NewNotification {
    #[serde(flatten)]
    pub notification: Notification,
    /// How many the reader has not read.
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
    /// It comes in the reader's quiet hours, or they know it already: show it, without a sound.
    pub is_silent: bool,
}

impl ServerEvent for NewNotification {
    const NAME: &'static str = "new-notification";
}

/// Marks one notification read.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadNotification {
    pub notification_id: NotificationId,
}

impl ClientEvent for ReadNotification {
    const NAME: &'static str = "notification-read";
}

impl Command for ReadNotification {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "read-notification-v1";
    type Reply = NotificationRead;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// To all of the user's sockets: a notification is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRead {
    pub notification_id: NotificationId,
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
}

impl ServerEvent for NotificationRead {
    const NAME: &'static str = "notification-read";
}

/// Marks everything read that its reader can see.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, JsonSchema)]
#[ts(type = "Record<string, never>")]
pub struct ReadAllNotifications {}

impl ClientEvent for ReadAllNotifications {
    const NAME: &'static str = "notification-read-all";
}

impl Command for ReadAllNotifications {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "read-all-notifications-v1";
    type Reply = NotificationsReadAll;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// To all of the user's sockets: everything that was said with `readUpToVersion` or a lower version is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationsReadAll {
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
    #[ts(type = "number")]
    pub read_up_to_version: i64,
}

impl ServerEvent for NotificationsReadAll {
    const NAME: &'static str = "notifications-read-all";
}

/// To everybody: an announcement is too old to be kept. Delivered once; the gateways put counts and versions in.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRemoved {
    pub notification_id: NotificationId,
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
}

impl ServerEvent for NotificationRemoved {
    const NAME: &'static str = "notification-removed";
}

/// Asks for a page of one's notifications, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListNotifications {
    /// The last one of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub before: Option<NotificationId>,
    /// 1 to 100; 20 when left out.
    #[serde(default = "default_page")]
    #[ts(optional, as = "Option<BoundedNumber<1, MAX_PAGE>>")]
    pub limit: BoundedNumber<1, MAX_PAGE>,
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub unread_only: bool,
}

const fn default_page() -> BoundedNumber<1, MAX_PAGE> {
    BoundedNumber::nearest(LATEST)
}

impl ClientEvent for ListNotifications {
    const NAME: &'static str = "notification-list";
}

impl Query for ListNotifications {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "list-notifications-v1";
    type Reply = NotificationPage;
}

/// A page of notifications.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPage {
    pub notifications: Vec<Notification>,
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
    pub has_more: bool,
}

/// To a socket that has connected, or may have missed something: the latest 20.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationsSnapshot {
    pub notifications: Vec<Notification>,
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
}

impl ServerEvent for NotificationsSnapshot {
    const NAME: &'static str = "notifications-snapshot";
}

/// A gateway asks for the inboxes of those who connect. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadInboxes {
    pub users: Vec<UserId>,
}

impl Query for ReadInboxes {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "read-inboxes-v1";
    type Reply = Inboxes;
}

/// As many inboxes as one message of the broker holds with ease.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inboxes {
    /// Users that are not known are left out.
    pub inboxes: Vec<(UserId, NotificationsSnapshot)>,
    /// How many of the users asked for it covers, from the first one on; at least one.
    pub covered: usize,
}

/// A gateway asks which of its users are told of an announcement, and what their counts are then. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindReaders {
    pub notification_id: NotificationId,
    pub users: Vec<UserId>,
}

impl Query for FindReaders {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "find-readers-v1";
    /// Users that are not known are left out.
    type Reply = Vec<Reader>;
}

/// One of the users asked about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    pub user_id: UserId,
    pub is_told: bool,
    pub is_silent: bool,
    pub unread_count: u32,
    pub version: i64,
}

/// A time of day as `HH:MM`, 00:00 to 23:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[ts(type = "string")]
#[schemars(with = "String", inline, extend("pattern" = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
pub struct TimeOfDay {
    /// Since midnight, 0 to 1,439.
    minutes: u16,
}

impl TimeOfDay {
    /// Minutes since midnight, 0 to 1,439.
    pub const fn minutes(self) -> u16 {
        self.minutes
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_two = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let two = |part: &str| is_two(part).then(|| part.parse::<u16>().ok()).flatten();
        let read = text.split_once(':').and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)));
        match read {
            Some((hours @ 0..=23, minutes @ 0..=59)) => Ok(Self { minutes: hours * 60 + minutes }),
            _ => Err("must be a time of day from 00:00 to 23:59"),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.minutes / 60, time.minutes % 60)
    }
}

/// When nothing makes a sound or is pushed, save what is urgent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuietHours {
    pub from: TimeOfDay,
    /// Before `from`: on the next day; the same as `from`: the whole day.
    pub until: TimeOfDay,
    /// An IANA name (`Asia/Jakarta`).
    #[schemars(extend("format" = "iana-time-zone"))]
    pub time_zone: BoundedText<64>,
}

/// What a user wants to be told of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypePreference {
    /// Off: notifications of this type are not seen, save urgent ones.
    pub enabled: bool,
    /// Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub quiet_hours: Option<QuietHours>,
}

impl Default for TypePreference {
    fn default() -> Self {
        Self { enabled: true, quiet_hours: None }
    }
}

/// Preferences by type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub struct Preferences {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub exam_update: Option<TypePreference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub message: Option<TypePreference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub leaderboard: Option<TypePreference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub system: Option<TypePreference>,
}

impl Preferences {
    /// What is set of a type.
    pub const fn of(&self, kind: NotificationType) -> Option<&TypePreference> {
        match kind {
            NotificationType::ExamUpdate => self.exam_update.as_ref(),
            NotificationType::Message => self.message.as_ref(),
            NotificationType::Leaderboard => self.leaderboard.as_ref(),
            NotificationType::System => self.system.as_ref(),
        }
    }

    /// Sets a type.
    pub fn set(&mut self, kind: NotificationType, preference: TypePreference) {
        let place = match kind {
            NotificationType::ExamUpdate => &mut self.exam_update,
            NotificationType::Message => &mut self.message,
            NotificationType::Leaderboard => &mut self.leaderboard,
            NotificationType::System => &mut self.system,
        };
        *place = Some(preference);
    }
}

/// Asks for one's preferences.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, JsonSchema)]
#[ts(type = "Record<string, never>")]
pub struct ReadPreferences {}

impl ClientEvent for ReadPreferences {
    const NAME: &'static str = "notification-preferences";
}

impl Query for ReadPreferences {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "read-preferences-v1";
    type Reply = NotificationPreferences;
}

/// What a user wants to be told, by type: all four.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPreferences {
    pub preferences: Preferences,
}

/// Changes the preferences of the types that are given.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetPreferences {
    pub preferences: Preferences,
}

impl ClientEvent for SetPreferences {
    const NAME: &'static str = "notification-preferences-set";
}

impl Command for SetPreferences {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "set-preferences-v1";
    type Reply = PreferencesChanged;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// To all of the user's sockets: preferences were changed, and with them what is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferencesChanged {
    pub preferences: Preferences,
    pub unread_count: u32,
    #[ts(type = "number")]
    pub version: i64,
}

impl ServerEvent for PreferencesChanged {
    const NAME: &'static str = "notification-preferences-changed";
}

/// The system has something to tell somebody. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notify {
    pub user_id: UserId,
    pub notice: Notice,
}

/// What the system tells of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Notice {
    /// An exam was graded, or a result corrected; which ends the sitting.
    ExamGraded {
        exam_id: ExamId,
        exam_title: String,
        session_id: SessionId,
        result_id: ResultId,
        key_version: u32,
        is_correction: bool,
        score: String,
        max_score: String,
    },
    /// Messages came while the user was away.
    MessagesWaiting { room_id: RoomId, first_seq: i64, last_seq: i64, sender_name: String, excerpt: String },
    /// Somebody wants the user in a study group.
    Invited {
        group_id: GroupId,
        group_name: String,
        by_name: String,
        /// Names this invitation: another one to the same group is told, too.
        occasion: String,
    },
    /// Somebody passed the user on a board. At most once a day.
    Overtaken { board: crate::leaderboard::BoardId, by_name: String, rank: u32 },
}

impl Command for Notify {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "notify-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.user_id.to_string()
    }
}

/// A user has read a room up to a message: what told of messages up to it is read. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClearRoom {
    pub user_id: UserId,
    pub room_id: RoomId,
    pub seq: i64,
}

impl Command for ClearRoom {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "clear-room-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.user_id.to_string()
    }
}

/// An exam's reminder is due. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendReminder {
    pub exam_id: ExamId,
    pub lead_minutes: i32,
}

impl Command for SendReminder {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "send-reminder-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        ANNOUNCEMENTS.to_owned()
    }
}

/// An urgent notification was not read yet: it is told again. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepeatUrgent {
    pub notification_id: NotificationId,
    /// `None` for an announcement.
    pub user_id: Option<UserId>,
}

impl Command for RepeatUrgent {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "repeat-urgent-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.user_id.map_or_else(|| ANNOUNCEMENTS.to_owned(), |user| user.to_string())
    }
}

/// Announcements are too old to be kept. Not for clients.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RemoveAnnouncements {}

impl Command for RemoveAnnouncements {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "remove-announcements-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        ANNOUNCEMENTS.to_owned()
    }
}

/// The key by which push services know us: `applicationServerKey` of a browser's `subscribe`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushKey {
    /// A point on P-256, uncompressed, base64url without padding.
    pub public_key: String,
}

/// Asks for the key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReadPushKey {}

impl Query for ReadPushKey {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "read-push-key-v1";
    type Reply = PushKey;
}

/// A browser wants to be told while it is closed: a `PushSubscription` as the browser gives it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscribePush {
    /// Of a push service that is allowed, by https.
    #[schemars(extend("format" = "uri"))]
    pub endpoint: BoundedText<2_048>,
    pub keys: PushKeys,
}

/// What is encrypted with: base64url without padding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PushKeys {
    /// The browser's public key: a point on P-256, uncompressed; 65 bytes.
    #[schemars(extend("format" = "p256-point"))]
    pub p256dh: BoundedText<128>,
    /// A secret of 16 bytes.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{21}[AQgw](==)?$"))]
    pub auth: BoundedText<64>,
}

impl Command for SubscribePush {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "subscribe-push-v1";
    type Reply = ();

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// A browser no longer wants to be told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsubscribePush {
    pub endpoint: BoundedText<2_048>,
}

impl Command for UnsubscribePush {
    const SERVICE: Service = Service::Notification;
    const NAME: &'static str = "unsubscribe-push-v1";
    type Reply = ();

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}
