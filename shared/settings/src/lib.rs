//! Settings: a struct per section, the defaults in `default.toml`, the environment over both.
//!
//! # Adding a setting
//!
//! 1. A line in `default.toml`: the comment over it is its meaning in `docs/settings.md`, its ending its unit (`_ms`, `_bytes`).
//! 2. The field of its section's struct, and its bounds in the section's `rules`.
//! 3. A list is named in `LISTS` as well, so that the environment may give it comma-separated.
//! 4. `cargo xtask codegen` writes `docs/settings.md`; a test compares it.

mod auth;
mod error;
mod exposure;
mod files;
mod gateway;
mod infrastructure;
mod reference;
mod rules;
mod services;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;

pub use auth::{AuthSettings, MIN_SECRET_BYTES};
pub use error::SettingsError;
pub use files::FileSettings;
pub use gateway::{GatewaySettings, LimitSettings, WebSettings};
pub use infrastructure::{BusSettings, DatabaseSettings, LogFormat, NatsSettings, TelemetrySettings};
pub use reference::reference;
use rules::Rules;
pub use services::{ChatSettings, ExamSettings, LeaderboardSettings, NotificationSettings};

const DEFAULTS: &str = include_str!("default.toml");

/// The settings that are lists.
const LISTS: [&str; 5] = [
    "gateway.cors_origins",
    "gateway.trusted_proxies",
    "web.demo_users",
    "chat.allowed_file_hosts",
    "notifications.push_hosts",
];

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

impl Settings {
    /// Reads the defaults, then the file named by `SINAESTA_CONFIG` if that is set, then `overrides`
    /// (`section.key` and a value), then the environment; checks the result.
    pub fn load(overrides: &[(&str, String)]) -> Result<Self, SettingsError> {
        let mut builder = Config::builder().add_source(defaults());
        if let Ok(file) = std::env::var("SINAESTA_CONFIG") {
            builder = builder.add_source(File::with_name(&file));
        }
        let mut base = Config::builder().add_source(builder.build()?);
        for (key, value) in overrides {
            base = base.set_override(*key, value.as_str())?;
        }
        let mut environment = Environment::with_prefix("SINAESTA")
            .source(Some(with_secrets(std::env::vars().collect())?))
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",");
        for list in LISTS {
            environment = environment.with_list_parse_key(list);
        }
        let settings: Self =
            Config::builder().add_source(base.build()?).add_source(environment).build()?.try_deserialize()?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether every setting is within its bounds, for those who change one after loading.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.rules().check()
    }

    /// The bounds of every setting.
    fn rules(&self) -> Rules {
        let mut rules = Rules::default();
        self.nats.rules(&mut rules);
        self.database.rules(&mut rules);
        self.bus.rules(&self.database, &mut rules);
        self.auth.rules(&mut rules);
        self.gateway.rules(&mut rules);
        exposure::rules(self, &mut rules);
        self.web.rules(&self.auth, &self.gateway, &mut rules);
        self.limits.rules(&mut rules);
        self.files.rules(&mut rules);
        self.exams.rules(&mut rules);
        self.leaderboard.rules(&mut rules);
        self.notifications.rules(&mut rules);
        self.telemetry.rules(&mut rules);
        rules
    }
}

fn defaults() -> File<config::FileSourceString, FileFormat> {
    File::from_str(DEFAULTS, FileFormat::Toml)
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
