//! Study groups: who learns together. A group's messages are those of its room.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::chat::SendMessage;
use crate::leaderboard::Specialty;
use crate::{
    Actor, BoundedNumber, BoundedText, ClientEvent, Command, Event, GroupId, MessageId, Query, RoomId, ServerEvent,
    Service, Timestamp, UserId,
};

/// The fewest and the most members that a group may be made for, and how many when its maker does not say.
pub const MIN_MEMBERS: u32 = 2;
pub const MAX_MEMBERS: u32 = 500;
pub const DEFAULT_MEMBERS: u32 = 10;
/// The most groups that one page of a list has, and how many when the client does not say.
pub const MAX_GROUP_PAGE: u32 = 50;
pub const DEFAULT_GROUP_PAGE: u32 = 20;

/// A group as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StudyGroup {
    pub id: GroupId,
    pub name: String,
    pub description: Option<String>,
    pub room_id: RoomId,
    /// Whose group it is: its maker, and after they left the longest-standing member.
    pub creator_id: UserId,
    /// The longest-standing first.
    pub members: Vec<UserId>,
    pub member_count: u32,
    pub max_members: u32,
    pub specialty: Option<String>,
    pub is_public: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Makes a group, with its maker as its first member.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateGroup {
    /// 1 to 100 characters, not all of them spaces.
    pub name: BoundedText<100>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub description: Option<BoundedText<1_000>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<Specialty>,
    /// 2 to 500; 10 when left out.
    #[serde(default = "default_members")]
    #[ts(optional, as = "Option<BoundedNumber<MIN_MEMBERS, MAX_MEMBERS>>")]
    pub max_members: BoundedNumber<MIN_MEMBERS, MAX_MEMBERS>,
    /// Whether it is listed and anybody may join; `true` when left out.
    #[serde(default = "is_public")]
    #[ts(optional, as = "Option<bool>")]
    pub is_public: bool,
}

const fn default_members() -> BoundedNumber<MIN_MEMBERS, MAX_MEMBERS> {
    BoundedNumber::nearest(DEFAULT_MEMBERS)
}

const fn is_public() -> bool {
    true
}

impl ClientEvent for CreateGroup {
    const NAME: &'static str = "study-group-create";
}

impl Command for CreateGroup {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "create-group-v1";
    type Reply = StudyGroupCreated;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// The group is made, and the socket is in its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(transparent)]
pub struct StudyGroupCreated(pub StudyGroup);

impl ServerEvent for StudyGroupCreated {
    const NAME: &'static str = "study-group-created";
}

/// To those who watch the list: there is a new group that anybody may join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(transparent)]
pub struct StudyGroupAvailable(pub StudyGroup);

impl ServerEvent for StudyGroupAvailable {
    const NAME: &'static str = "study-group-available";
}

/// Joins a group. For one who is in it already, that is no error.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinGroup {
    pub group_id: GroupId,
}

impl ClientEvent for JoinGroup {
    const NAME: &'static str = "study-group-join";
}

impl Command for JoinGroup {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "join-group-v1";
    type Reply = StudyGroupJoined;

    fn partition_key(&self, _: &Actor) -> String {
        RoomId::from(self.group_id).to_string()
    }
}

/// The user is a member, and the socket is in the group's room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudyGroupJoined {
    pub group: StudyGroup,
    pub room_id: RoomId,
}

impl ServerEvent for StudyGroupJoined {
    const NAME: &'static str = "study-group-joined";
}

/// To the other members in the group's room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudyGroupMemberJoined {
    pub group_id: GroupId,
    pub user_id: UserId,
    pub user_name: String,
    pub member_count: u32,
}

impl ServerEvent for StudyGroupMemberJoined {
    const NAME: &'static str = "study-group-member-joined";
}

/// Leaves a group.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaveGroup {
    pub group_id: GroupId,
}

impl ClientEvent for LeaveGroup {
    const NAME: &'static str = "study-group-leave";
}

impl Command for LeaveGroup {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "leave-group-v1";
    type Reply = StudyGroupLeft;

    fn partition_key(&self, _: &Actor) -> String {
        RoomId::from(self.group_id).to_string()
    }
}

/// To the one who left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudyGroupLeft {
    pub group_id: GroupId,
}

impl ServerEvent for StudyGroupLeft {
    const NAME: &'static str = "study-group-left";
}

/// To the members in the group's room: somebody left, or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudyGroupMemberLeft {
    pub group_id: GroupId,
    pub user_id: UserId,
    pub user_name: String,
    pub member_count: u32,
    /// Whose group it is from now on.
    pub creator_id: UserId,
}

impl ServerEvent for StudyGroupMemberLeft {
    const NAME: &'static str = "study-group-member-left";
}

/// To the last member and to those who watch the list: the group is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudyGroupDeleted {
    pub group_id: GroupId,
}

impl ServerEvent for StudyGroupDeleted {
    const NAME: &'static str = "study-group-deleted";
}

/// Removes a member: for the group's owner, mentors and admins.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoveMember {
    pub group_id: GroupId,
    pub user_id: UserId,
}

impl ClientEvent for RemoveMember {
    const NAME: &'static str = "study-group-remove";
}

impl Command for RemoveMember {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "remove-member-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        RoomId::from(self.group_id).to_string()
    }
}

/// Wants somebody in a group: for its members. A group that is not public is joined by invitation only.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteMember {
    pub group_id: GroupId,
    pub user_id: UserId,
}

impl ClientEvent for InviteMember {
    const NAME: &'static str = "study-group-invite";
}

impl Command for InviteMember {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "invite-member-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        RoomId::from(self.group_id).to_string()
    }
}

/// A study group wants somebody.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupInvited {
    pub group_id: GroupId,
    pub group_name: String,
    pub user_id: UserId,
    pub by: UserId,
    pub by_name: String,
}

impl Event for GroupInvited {
    const DOMAIN: &'static str = "chat";
    const NAME: &'static str = "group-invited-v1";
}

/// Posts into a group's room: the same as `send-message` there.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendGroupMessage {
    pub group_id: GroupId,
    pub message: BoundedText<16_000>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub client_message_id: Option<BoundedText<128>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reply_to: Option<MessageId>,
}

impl ClientEvent for SendGroupMessage {
    const NAME: &'static str = "study-group-message";
}

impl From<SendGroupMessage> for SendMessage {
    fn from(message: SendGroupMessage) -> Self {
        Self {
            room_id: message.group_id.into(),
            message: message.message,
            message_type: Default::default(),
            file_url: None,
            file_name: None,
            file_size: None,
            client_message_id: message.client_message_id,
            reply_to: message.reply_to,
        }
    }
}

/// Asks for groups, newest first: those that anybody may join and one's own.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListGroups {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<Specialty>,
    /// What the name or the description has in it, in whatever case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub query: Option<BoundedText<100>>,
    /// Only groups that the caller is a member of.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub mine: bool,
    /// The last one of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub before: Option<GroupId>,
    /// 1 to 50; 20 when left out.
    #[serde(default = "default_page")]
    #[ts(optional, as = "Option<BoundedNumber<1, MAX_GROUP_PAGE>>")]
    pub limit: BoundedNumber<1, MAX_GROUP_PAGE>,
    /// From now on this socket hears of new public groups, and of those that are no more; `false`: no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub watch: Option<bool>,
}

const fn default_page() -> BoundedNumber<1, MAX_GROUP_PAGE> {
    BoundedNumber::nearest(DEFAULT_GROUP_PAGE)
}

impl ClientEvent for ListGroups {
    const NAME: &'static str = "study-group-list";
}

impl Query for ListGroups {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "list-groups-v1";
    type Reply = GroupPage;
}

/// A page of groups.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupPage {
    pub groups: Vec<StudyGroup>,
    pub has_more: bool,
}
