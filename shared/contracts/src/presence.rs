//! Who is there: a user is online while any of their sockets lives on any gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Actor, ClientEvent, Command, GatewayId, Query, ServerEvent, Service, Timestamp, UserId};

/// How a user shows to those who share a room with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Online,
    Away,
    Busy,
    Dnd,
    Offline,
}

impl Status {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Away => "away",
            Self::Busy => "busy",
            Self::Dnd => "dnd",
            Self::Offline => "offline",
        }
    }

    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Online, Self::Away, Self::Busy, Self::Dnd, Self::Offline].into_iter().find(|s| s.as_str() == name)
    }
}

/// What a user may choose; being offline is not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChosenStatus {
    Online,
    Away,
    Busy,
    Dnd,
}

impl From<ChosenStatus> for Status {
    fn from(chosen: ChosenStatus) -> Self {
        match chosen {
            ChosenStatus::Online => Self::Online,
            ChosenStatus::Away => Self::Away,
            ChosenStatus::Busy => Self::Busy,
            ChosenStatus::Dnd => Self::Dnd,
        }
    }
}

/// Chooses how the sender shows to others.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SetStatus {
    pub status: ChosenStatus,
}

impl ClientEvent for SetStatus {
    const NAME: &'static str = "set-status";
}

impl Command for SetStatus {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "set-status-v1";
    type Reply = StatusSet;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// The acknowledgement of [`SetStatus`].
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct StatusSet {
    pub status: Status,
}

/// A user who shares a room with the receiver came, went or chose another status.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStatusChange {
    pub user_id: UserId,
    pub user_name: String,
    pub status: Status,
    pub last_seen: Timestamp,
}

impl ServerEvent for UserStatusChange {
    const NAME: &'static str = "user-status-change";
}

/// The first socket of a user connected to a gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectUser {
    pub gateway_id: GatewayId,
}

impl Command for ConnectUser {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "connect-user-v1";
    type Reply = ();

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// The last socket of a user on a gateway is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DisconnectUser {
    pub gateway_id: GatewayId,
}

impl Command for DisconnectUser {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "disconnect-user-v1";
    type Reply = ();

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// A user's absence has lasted long enough to be announced, unless they are back by now.
/// Sent by whichever replica's timer notices; it acts only when it comes back as a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpirePresence {
    pub user_id: UserId,
}

impl Command for ExpirePresence {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "expire-presence-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.user_id.to_string()
    }
}

/// A gateway was not heard of for too long: whoever was on it is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoseGateway {
    pub gateway_id: GatewayId,
}

impl Command for LoseGateway {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "lose-gateway-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.gateway_id.to_string()
    }
}

/// Asks which of these users are connected anywhere. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindOnline {
    pub users: Vec<UserId>,
}

impl Query for FindOnline {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "find-online-v1";
    type Reply = Vec<UserId>;
}
