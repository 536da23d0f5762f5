//! Settings: a struct per section, the defaults in `default.toml`, the environment over both.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use config::{Config, Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

/// How the secrets begin that stand in `docker-compose.yml` and `.env.example`, where everybody can read them.
const KNOWN_SECRET: &str = "development-only";

const DEFAULTS: &str = include_str!("default.toml");

/// A setting that can't be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A value is missing or of the wrong type.
    #[error("the settings can't be read: {0}")]
    Read(#[from] config::ConfigError),
    /// A file that should hold a secret can't be read.
    #[error("the file {file} that {variable} names can't be read: {error}")]
    Secret {
        /// The variable.
        variable: String,
        /// What it names.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// A value is out of bounds.
    #[error("the setting {key} {problem} (environment variable {})", variable(.key))]
    Invalid {
        /// `section.key`
        key: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },
}

fn variable(key: &str) -> String {
    format!("SINAESTA__{}", key.to_uppercase().replace('.', "__"))
}

/// All settings; a service uses the sections that concern it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub nats: NatsSettings,
    pub bus: BusSettings,
    pub database: DatabaseSettings,
    pub auth: AuthSettings,
    pub gateway: GatewaySettings,
    pub web: WebSettings,
    pub limits: LimitSettings,
    pub chat: ChatSettings,
    pub files: FileSettings,
    pub exams: ExamSettings,
    pub leaderboard: LeaderboardSettings,
    pub notifications: NotificationSettings,
    pub telemetry: TelemetrySettings,
}

/// Where the broker is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    pub url: String,
    pub password: SecretString,
    pub tls_ca_file: String,
    pub stream_replicas: usize,
}

/// The message runtime.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusSettings {
    pub max_batch: usize,
    pub workers: usize,
    pub lease_ms: u64,
    pub request_timeout_ms: u64,
    pub concurrent_queries: usize,
}

/// Where the data is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    pub url: SecretString,
    pub role_password: SecretString,
    pub max_connections: u32,
    pub query_connections: u32,
    pub acquire_timeout_ms: u64,
}

/// Whose tokens count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    pub jwt_secret: SecretString,
    pub public_key_file: String,
    pub jwks_url: String,
    pub jwks_refresh_s: u64,
    pub provision_users: bool,
    pub user_cache_s: u64,
    pub leeway_s: u64,
}

/// The door that clients come through.
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

/// The page, and whom anybody may be on it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    pub folder: String,
    pub demo_users: Vec<String>,
}

/// How much one client may send.
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

/// Rooms and presence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatSettings {
    pub http_host: String,
    pub http_port: u16,
    pub open_rooms: bool,
    pub allowed_file_hosts: Vec<String>,
    pub presence_grace_ms: u64,
    pub gateway_silence_ms: u64,
    pub presence_room_limit: i64,
    pub status_interval_ms: i64,
    pub rooms_per_user: i64,
    pub rooms_per_user_daily: i64,
    pub memberships_per_user: i64,
    pub groups_per_user: i64,
    pub invitations_per_user: i64,
}

/// Files, and where they are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    pub max_bytes: u64,
    pub max_pixels: u64,
    pub max_decoded_bytes: u64,
    pub max_frames: u32,
    pub user_uploads: usize,
    pub uploading_bytes: u32,
    pub upload_timeout_ms: u64,
    pub upload_idle_ms: u64,
    pub image_wait_ms: u64,
    pub abandoned_after_s: u64,
    pub store_bytes: i64,
    pub user_files: i64,
    pub user_bytes: i64,
    pub user_files_daily: i64,
    pub user_bytes_daily: i64,
    pub s3_bucket: String,
    pub s3_endpoint: String,
    pub s3_region: String,
    pub s3_access_key: String,
    pub s3_secret_key: SecretString,
}

/// Exams and their clocks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExamSettings {
    pub http_host: String,
    pub http_port: u16,
    pub tick_ms: u64,
    pub gateway_silence_ms: u64,
    pub announce_limit: u32,
    pub papers_bytes: u64,
}

/// Boards and their periods.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaderboardSettings {
    pub http_host: String,
    pub http_port: u16,
    pub time_zone: String,
    pub tick_ms: u64,
    pub compare_ms: u64,
    pub past_boards_bytes: u64,
    pub concurrent_rankings: usize,
}

/// Notifications: what is told when, and what goes to browsers that are closed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationSettings {
    pub http_host: String,
    pub http_port: u16,
    pub tick_ms: u64,
    pub time_zone: String,
    pub urgent_repeat_ms: u64,
    pub urgent_repeats: i16,
    pub retention_days: u16,
    pub retention_batch: i64,
    pub retention_tick_ms: u64,
    pub push_delay_ms: u64,
    pub push_hosts: Vec<String>,
    pub push_contact: String,
    pub unread_per_user: i64,
    pub sent_per_user_daily: i64,
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

impl Settings {
    /// Reads the defaults, then the file named by `SINAESTA_CONFIG` if that is set, then `overrides`
    /// (`section.key` and a value), then the environment; checks the result.
    pub fn load(overrides: &[(&str, String)]) -> Result<Self, SettingsError> {
        let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Ok(file) = std::env::var("SINAESTA_CONFIG") {
            builder = builder.add_source(File::with_name(&file));
        }
        let mut base = Config::builder().add_source(builder.build()?);
        for (key, value) in overrides {
            base = base.set_override(*key, value.as_str())?;
        }
        let environment = Environment::with_prefix("SINAESTA")
            .source(Some(with_secrets(std::env::vars().collect())?))
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("gateway.cors_origins")
            .with_list_parse_key("gateway.trusted_proxies")
            .with_list_parse_key("web.demo_users")
            .with_list_parse_key("chat.allowed_file_hosts")
            .with_list_parse_key("notifications.push_hosts");
        let settings: Self =
            Config::builder().add_source(base.build()?).add_source(environment).build()?.try_deserialize()?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether all of them can be used; for whoever changes them after they are loaded.
    pub fn check(&self) -> Result<(), SettingsError> {
        let url = Url::parse(&self.nats.url).map_err(|e| invalid("nats.url", e))?;
        if !matches!(url.scheme(), "nats" | "tls" | "ws" | "wss") {
            return Err(invalid("nats.url", "must begin with nats:// or tls://"));
        }
        at_least("bus.max_batch", self.bus.max_batch, 1)?;
        at_least("bus.workers", self.bus.workers, 1)?;
        at_least("bus.lease_ms", self.bus.lease_ms, 100)?;
        at_least("database.max_connections", self.database.max_connections, 2)?;
        at_least("database.query_connections", self.database.query_connections, 2)?;
        at_least("bus.concurrent_queries", self.bus.concurrent_queries, 1)?;
        if self.bus.concurrent_queries >= self.database.query_connections as usize {
            let problem = "must be less than database.query_connections, or one kind of query takes all of them";
            return Err(invalid("bus.concurrent_queries", problem));
        }
        let jwks = &self.auth.jwks_url;
        if !jwks.is_empty() {
            let url = Url::parse(jwks).map_err(|e| invalid("auth.jwks_url", e))?;
            // Whoever can change the keys on their way can be anybody.
            let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
                return Err(invalid("auth.jwks_url", "must begin with https://"));
            }
        }
        at_least("auth.jwks_refresh_s", self.auth.jwks_refresh_s, 1)?;
        if self.web.demo_users.iter().any(|id| Uuid::parse_str(id).is_err()) {
            return Err(invalid("web.demo_users", "must be the ids of users"));
        }
        if !self.web.demo_users.is_empty() && self.auth.jwt_secret.expose_secret().is_empty() {
            return Err(invalid("web.demo_users", "needs auth.jwt_secret, or no token can be made"));
        }
        self.gateway.check()?;
        self.check_exposure()?;
        self.limits.check()?;
        at_least("files.max_bytes", self.files.max_bytes, 1024)?;
        at_least("leaderboard.concurrent_rankings", self.leaderboard.concurrent_rankings, 1)?;
        at_least("files.max_pixels", self.files.max_pixels, 1)?;
        at_least("files.max_decoded_bytes", self.files.max_decoded_bytes, 1_048_576)?;
        at_least("files.max_frames", self.files.max_frames, 1)?;
        at_least("files.user_uploads", self.files.user_uploads, 1)?;
        at_least("files.uploading_bytes", u64::from(self.files.uploading_bytes), self.files.max_bytes)?;
        at_least("files.upload_timeout_ms", self.files.upload_timeout_ms, 1_000)?;
        at_least("files.upload_idle_ms", self.files.upload_idle_ms, 100)?;
        at_least("files.image_wait_ms", self.files.image_wait_ms, 100)?;
        at_least("files.abandoned_after_s", self.files.abandoned_after_s, 1)?;
        at_least("exams.tick_ms", self.exams.tick_ms, 10)?;
        at_least("leaderboard.tick_ms", self.leaderboard.tick_ms, 10)?;
        at_least("leaderboard.compare_ms", self.leaderboard.compare_ms, 10)?;
        at_least("notifications.tick_ms", self.notifications.tick_ms, 10)?;
        at_least("notifications.urgent_repeat_ms", self.notifications.urgent_repeat_ms, 10)?;
        at_least("notifications.urgent_repeats", self.notifications.urgent_repeats, 0)?;
        at_least("notifications.retention_days", self.notifications.retention_days, 1)?;
        at_least("notifications.retention_batch", self.notifications.retention_batch, 1)?;
        at_least("notifications.retention_tick_ms", self.notifications.retention_tick_ms, 10)?;
        if !(0.0..=1.0).contains(&self.telemetry.sample_ratio) {
            return Err(invalid("telemetry.sample_ratio", "must be 0 to 1"));
        }
        Ok(())
    }
}

impl Settings {
    /// Where others can connect, whoever knows a secret can sign in as an administrator.
    fn check_exposure(&self) -> Result<(), SettingsError> {
        let host = self.gateway.reached_at();
        if is_loopback(host) {
            return Ok(());
        }
        let url = Url::parse(self.database.url.expose_secret()).ok();
        let database = url.as_ref().and_then(Url::password).unwrap_or_default();
        let secrets = [
            ("auth.jwt_secret", self.auth.jwt_secret.expose_secret()),
            ("nats.password", self.nats.password.expose_secret()),
            ("database.url", database),
            ("database.role_password", self.database.role_password.expose_secret()),
        ];
        if let Some((key, _)) = secrets.into_iter().find(|(_, secret)| secret.starts_with(KNOWN_SECRET)) {
            let problem = format!(
                "is the one for development, which everybody knows, and the gateway is published on {host} \
                 (gateway.published_host, else gateway.host): choose another, or publish it on 127.0.0.1"
            );
            return Err(invalid(key, problem));
        }
        if !self.web.demo_users.is_empty() {
            let problem = format!("lets anybody sign in as them, and the gateway is published on {host}");
            return Err(invalid("web.demo_users", problem));
        }
        Ok(())
    }
}

/// Whether a host is this machine alone. A name other than `localhost` may be anything.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.to_canonical().is_loopback())
}

impl GatewaySettings {
    /// The address on which clients reach the gateways.
    fn reached_at(&self) -> &str {
        if self.published_host.is_empty() { &self.host } else { &self.published_host }
    }

    fn check(&self) -> Result<(), SettingsError> {
        at_least("gateway.max_buffer", self.max_buffer, 16)?;
        at_least("gateway.socket_buffer_bytes", self.socket_buffer_bytes, 1024)?;
        at_least("gateway.max_event_bytes", self.max_event_bytes, 1024)?;
        at_least("gateway.max_message_bytes", self.max_message_bytes, self.max_event_bytes)?;
        at_least("gateway.max_payload_packets", self.max_payload_packets, 1)?;
        at_least("gateway.max_unsigned_bytes", self.max_unsigned_bytes, 1024)?;
        at_least("gateway.max_connections", self.max_connections, 1)?;
        at_least("gateway.address_connections", self.address_connections, 1)?;
        at_least("gateway.address_sessions", self.address_sessions, 1)?;
        at_least("gateway.address_opens_per_minute", self.address_opens_per_minute, 3)?;
        at_least("gateway.max_unsigned_sessions", self.max_unsigned_sessions, 1)?;
        at_least("gateway.connect_timeout_ms", self.connect_timeout_ms, 100)?;
        at_least("gateway.header_timeout_ms", self.header_timeout_ms, 100)?;
        at_least("gateway.body_grace_ms", self.body_grace_ms, 100)?;
        at_least("gateway.min_body_bytes_per_s", self.min_body_bytes_per_s, 1)?;
        at_least("gateway.ping_interval_ms", self.ping_interval_ms, 100)?;
        at_least("gateway.ping_timeout_ms", self.ping_timeout_ms, 100)?;
        for proxy in &self.trusted_proxies {
            if proxy.parse::<IpNet>().is_err() && proxy.parse::<IpAddr>().is_err() {
                return Err(invalid(
                    "gateway.trusted_proxies",
                    format!("has {proxy:?}, which is no address or network"),
                ));
            }
        }
        Ok(())
    }
}

impl LimitSettings {
    fn check(&self) -> Result<(), SettingsError> {
        at_least("limits.messages_per_minute", self.messages_per_minute, 1)?;
        at_least("limits.user_messages_per_minute", self.user_messages_per_minute, 1)?;
        at_least("limits.events_per_minute", self.events_per_minute, 1)?;
        at_least("limits.user_events_per_minute", self.user_events_per_minute, 1)?;
        at_least("limits.user_changes_per_minute", self.user_changes_per_minute, 1)?;
        at_least("limits.user_lookups_per_minute", self.user_lookups_per_minute, 1)?;
        at_least("limits.user_exam_joins_per_minute", self.user_exam_joins_per_minute, 1)?;
        at_least("limits.user_invitations_per_minute", self.user_invitations_per_minute, 1)?;
        at_least("limits.user_requests_per_minute", self.user_requests_per_minute, 1)?;
        at_least("limits.user_uploads_per_minute", self.user_uploads_per_minute, 1)?;
        at_least("limits.open_commands", self.open_commands, 1)?;
        at_least("limits.open_queries", self.open_queries, 1)?;
        at_least("limits.refused_events", self.refused_events, 1)
    }
}

/// Secrets may be files, as container platforms mount them: `SINAESTA__AUTH__JWT_SECRET__FILE` names the file that holds
/// `SINAESTA__AUTH__JWT_SECRET`.
fn with_secrets(variables: HashMap<String, String>) -> Result<HashMap<String, String>, SettingsError> {
    let read = |(name, value): (String, String)| {
        let Some(setting) = name.strip_suffix("__FILE").filter(|name| name.starts_with("SINAESTA__")) else {
            return Ok((name, value));
        };
        let text = std::fs::read_to_string(&value).map_err(|error| SettingsError::Secret {
            variable: name.clone(),
            file: value.clone(),
            error,
        })?;
        Ok((setting.to_owned(), text.trim_end_matches(['\r', '\n']).to_owned()))
    };
    variables.into_iter().map(read).collect()
}

fn invalid(key: &'static str, problem: impl fmt::Display) -> SettingsError {
    SettingsError::Invalid { key, problem: problem.to_string() }
}

fn at_least<T: PartialOrd + fmt::Display>(key: &'static str, value: T, least: T) -> Result<(), SettingsError> {
    if value < least { Err(invalid(key, format!("is {value}, but must be at least {least}"))) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete_and_valid() {
        Settings::load(&[]).unwrap();
    }

    #[test]
    fn overrides_stand_over_the_defaults() {
        let settings = Settings::load(&[("gateway.port", "4000".into()), ("chat.open_rooms", "false".into())]).unwrap();
        assert_eq!((settings.gateway.port, settings.chat.open_rooms), (4000, false));
    }

    #[test]
    fn a_secret_may_be_a_file() {
        let file = std::env::temp_dir().join(format!("sinaesta-secret-{}", std::process::id()));
        std::fs::write(&file, "very secret\n").unwrap();
        let named = |path: &str| HashMap::from([("SINAESTA__AUTH__JWT_SECRET__FILE".to_owned(), path.to_owned())]);
        let read = with_secrets(named(&file.display().to_string())).unwrap();
        assert_eq!(read, HashMap::from([("SINAESTA__AUTH__JWT_SECRET".to_owned(), "very secret".to_owned())]));
        std::fs::remove_file(&file).unwrap();
        let error = with_secrets(named("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("SINAESTA__AUTH__JWT_SECRET__FILE") && error.contains("/nowhere"), "{error}");
    }

    #[test]
    fn no_kind_of_query_takes_all_connections_of_queries() {
        let most = |queries: &str| Settings::load(&[("bus.concurrent_queries", queries.to_owned())]);
        assert!(most("15").is_ok());
        assert!(most("16").unwrap_err().to_string().contains("bus.concurrent_queries"));
    }

    /// The control: without `check_exposure` the second half of this is taken.
    #[test]
    fn secrets_that_everybody_knows_are_for_the_loopback_alone() {
        let known = "development-only-change-me-before-anyone-else-connects";
        let load = |place: &[(&'static str, &str)], key: &'static str, value: &str| {
            let place = place.iter().map(|(key, host)| (*key, (*host).to_owned()));
            Settings::load(&place.chain([(key, value.to_owned())]).collect::<Vec<_>>())
        };
        let (host, published) = ("gateway.host", "gateway.published_host");
        let here: [&[_]; 5] = [
            &[],
            &[(host, "::1")],
            &[(host, "localhost")],
            &[(host, "0.0.0.0"), (published, "127.0.0.1")],
            &[(host, "0.0.0.0"), (published, "[::1]")],
        ];
        let everywhere: [&[_]; 5] = [
            &[(host, "0.0.0.0")],
            &[(host, "::")],
            &[(host, "127.0.0.1"), (published, "0.0.0.0")],
            &[(published, "192.168.1.20")],
            &[(published, "realtime.example.org")],
        ];
        let secrets = [
            ("auth.jwt_secret", known),
            ("nats.password", "development-only"),
            ("database.role_password", "development-only"),
            ("database.url", "postgres://sinaesta:development-only@postgres/sinaesta"),
        ];
        for (key, value) in secrets {
            for place in here {
                load(place, key, value).unwrap();
            }
            for place in everywhere {
                let error = load(place, key, value).unwrap_err().to_string();
                assert!(error.contains(key) && error.contains(place.last().unwrap().1), "{place:?}: {error}");
                load(place, key, "postgres://sinaesta:vY7gk2mQ@postgres/sinaesta").unwrap();
            }
        }
        let mut demo = load(&[], "auth.jwt_secret", "0123456789abcdef0123456789abcdef").unwrap();
        demo.web.demo_users = vec!["0198c000-0000-7000-8000-000000000001".to_owned()];
        demo.check().unwrap();
        demo.gateway.host = "0.0.0.0".to_owned();
        assert!(demo.check().unwrap_err().to_string().contains("web.demo_users"));
    }

    #[test]
    fn an_error_names_the_key_and_its_variable() {
        let error = Settings::load(&[("bus.max_batch", "0".into())]).unwrap_err().to_string();
        assert!(error.contains("bus.max_batch") && error.contains("SINAESTA__BUS__MAX_BATCH"), "{error}");
    }
}
