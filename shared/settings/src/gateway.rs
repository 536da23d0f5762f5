//! Connections of clients, the page, rate limits.

use std::net::IpAddr;

use ipnet::IpNet;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use uuid::Uuid;

use crate::rules::Rules;
use crate::{AuthSettings, exposure};

/// Connections of clients.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    pub host: String,
    pub port: u16,
    pub published_host: String,
    pub health_host: String,
    pub health_port: u16,
    pub cors_origins: Vec<String>,
    pub max_event_bytes: usize,
    pub max_message_bytes: usize,
    pub max_payload_packets: usize,
    pub ping_interval_ms: u64,
    pub ping_timeout_ms: u64,
    pub connect_timeout_ms: u64,
    pub max_unsigned_bytes: u64,
    pub trusted_proxies: Vec<String>,
    pub max_connections: usize,
    pub address_connections: usize,
    pub address_sessions: usize,
    pub address_opens_per_minute: u32,
    pub max_unsigned_sessions: usize,
    pub header_timeout_ms: u64,
    pub body_grace_ms: u64,
    pub min_body_bytes_per_s: u64,
    pub max_buffer: usize,
    pub socket_buffer_bytes: usize,
    pub command_timeout_ms: u64,
    pub token_warning_s: u64,
    pub shutdown_ms: u64,
}

/// The demo page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    pub folder: String,
    pub demo_users: Vec<String>,
}

/// Rate limits of clients.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    pub messages_per_minute: u32,
    pub user_messages_per_minute: u32,
    pub events_per_minute: u32,
    pub user_events_per_minute: u32,
    pub user_changes_per_minute: u32,
    pub user_lookups_per_minute: u32,
    pub user_exam_joins_per_minute: u32,
    pub user_invitations_per_minute: u32,
    pub user_requests_per_minute: u32,
    pub user_uploads_per_minute: u32,
    pub open_commands: usize,
    pub open_queries: usize,
    pub open_wait_ms: u64,
    pub refused_events: u32,
    pub held_off_ms: u64,
}

impl GatewaySettings {
    /// The address on which clients reach the gateways.
    pub(crate) fn reached_at(&self) -> &str {
        if self.published_host.is_empty() { &self.host } else { &self.published_host }
    }

    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("gateway.max_buffer", self.max_buffer, 16);
        rules.at_least("gateway.socket_buffer_bytes", self.socket_buffer_bytes, 1024);
        rules.at_least("gateway.max_event_bytes", self.max_event_bytes, 1024);
        let (largest, event) = (self.max_message_bytes, self.max_event_bytes);
        rules.at_least_setting("gateway.max_message_bytes", largest, "gateway.max_event_bytes", event);
        rules.at_least("gateway.max_payload_packets", self.max_payload_packets, 1);
        rules.at_least("gateway.max_unsigned_bytes", self.max_unsigned_bytes, 1024);
        rules.at_least("gateway.max_connections", self.max_connections, 1);
        rules.at_least("gateway.address_connections", self.address_connections, 1);
        rules.at_least("gateway.address_sessions", self.address_sessions, 1);
        rules.at_least("gateway.address_opens_per_minute", self.address_opens_per_minute, 3);
        rules.at_least("gateway.max_unsigned_sessions", self.max_unsigned_sessions, 1);
        rules.at_least("gateway.connect_timeout_ms", self.connect_timeout_ms, 100);
        rules.at_least("gateway.header_timeout_ms", self.header_timeout_ms, 100);
        rules.at_least("gateway.body_grace_ms", self.body_grace_ms, 100);
        rules.at_least("gateway.min_body_bytes_per_s", self.min_body_bytes_per_s, 1);
        rules.at_least("gateway.ping_interval_ms", self.ping_interval_ms, 100);
        rules.at_least("gateway.ping_timeout_ms", self.ping_timeout_ms, 100);
        let is_network = |proxy: &&String| proxy.parse::<IpNet>().is_ok() || proxy.parse::<IpAddr>().is_ok();
        let wrong = self.trusted_proxies.iter().find(|proxy| !is_network(proxy));
        let problem = wrong.map(|proxy| format!("has {proxy:?}, which is no address or network"));
        rules.require("gateway.trusted_proxies", "addresses or networks", problem);
    }
}

impl WebSettings {
    pub(crate) fn rules(&self, auth: &AuthSettings, gateway: &GatewaySettings, rules: &mut Rules) {
        let is_id = |id: &String| Uuid::parse_str(id).is_ok();
        let problem = (!self.demo_users.iter().all(is_id)).then(|| "must be the ids of users".to_owned());
        rules.require("web.demo_users", "UUIDs", problem);
        let is_set = !self.demo_users.is_empty();
        let unsigned = is_set && auth.jwt_secret.expose_secret().is_empty();
        let problem = unsigned.then(|| "needs auth.jwt_secret, or no token can be made".to_owned());
        rules.require("web.demo_users", "needs `auth.jwt_secret`", problem);
        let host = gateway.reached_at();
        let problem = (is_set && !exposure::is_loopback(host))
            .then(|| format!("lets anybody sign in as them, and the gateway is published on {host}"));
        rules.require("web.demo_users", "published on the loopback alone", problem);
    }
}

impl LimitSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("limits.messages_per_minute", self.messages_per_minute, 1);
        rules.at_least("limits.user_messages_per_minute", self.user_messages_per_minute, 1);
        rules.at_least("limits.events_per_minute", self.events_per_minute, 1);
        rules.at_least("limits.user_events_per_minute", self.user_events_per_minute, 1);
        rules.at_least("limits.user_changes_per_minute", self.user_changes_per_minute, 1);
        rules.at_least("limits.user_lookups_per_minute", self.user_lookups_per_minute, 1);
        rules.at_least("limits.user_exam_joins_per_minute", self.user_exam_joins_per_minute, 1);
        rules.at_least("limits.user_invitations_per_minute", self.user_invitations_per_minute, 1);
        rules.at_least("limits.user_requests_per_minute", self.user_requests_per_minute, 1);
        rules.at_least("limits.user_uploads_per_minute", self.user_uploads_per_minute, 1);
        rules.at_least("limits.open_commands", self.open_commands, 1);
        rules.at_least("limits.open_queries", self.open_queries, 1);
        rules.at_least("limits.refused_events", self.refused_events, 1);
    }
}
