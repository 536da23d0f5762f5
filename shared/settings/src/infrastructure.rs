//! NATS, the bus, Postgres, telemetry.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::rules::Rules;

/// The connection to NATS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    pub url: String,
    pub password: SecretString,
    pub tls_ca_file: String,
    pub stream_replicas: usize,
}

/// Commands and queries.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusSettings {
    pub max_batch: usize,
    pub workers: usize,
    pub lease_ms: u64,
    pub request_timeout_ms: u64,
    pub concurrent_queries: usize,
}

/// The connections to Postgres.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    pub url: SecretString,
    pub role_password: SecretString,
    pub max_connections: u32,
    pub query_connections: u32,
    pub acquire_timeout_ms: u64,
}

/// Logs and traces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    pub otlp_endpoint: String,
    pub sample_ratio: f64,
    pub log_format: LogFormat,
    pub log_filter: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

impl NatsSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        const SCHEMES: [&str; 4] = ["nats", "tls", "ws", "wss"];
        let problem = match Url::parse(&self.url) {
            Ok(url) if SCHEMES.contains(&url.scheme()) => None,
            Ok(_) => Some("must begin with nats:// or tls://".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        rules.require("nats.url", SCHEMES.map(|scheme| format!("`{scheme}://`")).join(", "), problem);
    }
}

impl BusSettings {
    pub(crate) fn rules(&self, database: &DatabaseSettings, rules: &mut Rules) {
        rules.at_least("bus.max_batch", self.max_batch, 1);
        rules.at_least("bus.workers", self.workers, 1);
        rules.at_least("bus.lease_ms", self.lease_ms, 100);
        rules.at_least("bus.concurrent_queries", self.concurrent_queries, 1);
        let takes_all = self.concurrent_queries >= database.query_connections as usize;
        let problem = "must be less than database.query_connections, or one kind of query takes all of them";
        let problem = takes_all.then(|| problem.to_owned());
        rules.require("bus.concurrent_queries", "less than `database.query_connections`", problem);
    }
}

impl DatabaseSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("database.max_connections", self.max_connections, 2);
        rules.at_least("database.query_connections", self.query_connections, 2);
    }
}

impl TelemetrySettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        let problem = (!(0.0..=1.0).contains(&self.sample_ratio)).then(|| "must be 0 to 1".to_owned());
        rules.require("telemetry.sample_ratio", "0 to 1", problem);
    }
}
