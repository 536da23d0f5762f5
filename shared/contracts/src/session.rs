//! Events of the connection itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ClientEvent, ErrorBody, GatewayId, RoomId, ServerEvent, Signal, Timestamp};

/// Is the server there? Answered by [`HeartbeatAck`].
#[derive(Debug, Default, Serialize, Deserialize, TS, JsonSchema)]
#[ts(type = "Record<string, never>")]
pub struct Heartbeat {}

impl ClientEvent for Heartbeat {
    const NAME: &'static str = "heartbeat";
}

/// The answer to [`Heartbeat`].
#[derive(Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatAck {
    /// The server's clock when it answered.
    pub server_time: Timestamp,
}

impl ServerEvent for HeartbeatAck {
    const NAME: &'static str = "heartbeat-ack";
}

/// A new token for this connection, before the old one expires.
#[derive(Serialize, Deserialize, TS, JsonSchema)]
pub struct AuthRefresh {
    pub token: String,
}

impl ClientEvent for AuthRefresh {
    const NAME: &'static str = "auth-refresh";
}

/// The acknowledgement of [`AuthRefresh`].
#[derive(Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthRefreshed {
    pub expires_at: Timestamp,
}

/// The connection's token is about to expire: send [`AuthRefresh`].
#[derive(Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenExpiring {
    pub expires_at: Timestamp,
}

impl ServerEvent for TokenExpiring {
    const NAME: &'static str = "token-expiring";
}

/// A failure of an event that was sent without an acknowledgement callback.
#[derive(Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEvent {
    #[serde(flatten)]
    pub error: ErrorBody,
    /// The event that failed.
    pub event: String,
}

impl ServerEvent for ErrorEvent {
    const NAME: &'static str = "error";
}

/// This socket may have missed something in the room: `join-room` with `sinceSeq` brings it.
#[derive(Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResyncRequired {
    pub room_id: RoomId,
}

impl ServerEvent for ResyncRequired {
    const NAME: &'static str = "resync-required";
}

/// The server is about to close: reconnect, and be served by another or by its successor.
#[derive(Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerClosing {
    /// Come back at a random moment within so many milliseconds: spreads the return of many clients.
    #[ts(type = "number")]
    pub reconnect_after_ms: u64,
}

impl ServerEvent for ServerClosing {
    const NAME: &'static str = "server-closing";
}

/// A gateway lives: said every few seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GatewayAlive {
    pub gateway_id: GatewayId,
}

impl Signal for GatewayAlive {
    const NAME: &'static str = "gateway-alive-v1";
}
