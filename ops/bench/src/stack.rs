//! The system under load: started here as separate processes, or one that runs already.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use sinaesta_localstack::{StackFile, answers_ok, free_port};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;

use crate::cpu::Part;
use crate::process::Process;
use crate::target::Target;

/// Where programs are looked for before our own folder.
const BIN_DIR: &str = "SINAESTA_BIN_DIR";
/// The first start may fetch NATS and Postgres.
const INFRA_START: Duration = Duration::from_secs(300);
const SERVICE_START: Duration = Duration::from_secs(60);
/// Load comes from few users with many messages, and from one address.
const NO_LIMITS: [(&str, &str); 15] = [
    ("SINAESTA__LIMITS__MESSAGES_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_MESSAGES_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__EVENTS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_EVENTS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_CHANGES_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_LOOKUPS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_EXAM_JOINS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_INVITATIONS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_REQUESTS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__USER_UPLOADS_PER_MINUTE", "1000000000"),
    ("SINAESTA__LIMITS__OPEN_COMMANDS", "1000000000"),
    ("SINAESTA__LIMITS__OPEN_QUERIES", "1000000000"),
    ("SINAESTA__GATEWAY__ADDRESS_OPENS_PER_MINUTE", "1000000000"),
    ("SINAESTA__GATEWAY__ADDRESS_SESSIONS", "1000000"),
    ("SINAESTA__GATEWAY__ADDRESS_CONNECTIONS", "1000000"),
];

/// What to start, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct StackOptions {
    /// A running stack's `stack.json`.
    pub(crate) attach: Option<PathBuf>,
    pub(crate) data: Option<PathBuf>,
    /// `section.key=value`.
    pub(crate) settings: Vec<String>,
    pub(crate) chats: usize,
    pub(crate) exams: usize,
}

/// Only what was started here is ended here.
pub(crate) struct Stack {
    options: StackOptions,
    info: Option<StackFile>,
    gateway_port: u16,
    infra: Option<Process>,
    /// All but the gateway, by name.
    services: Vec<(&'static str, Process)>,
    gateway: Option<Process>,
    data: PathBuf,
    _folder: Option<TempDir>,
}

impl Stack {
    pub(crate) fn new(options: StackOptions) -> anyhow::Result<Self> {
        let folder = if options.data.is_none() { Some(folder()?) } else { None };
        let data = options.data.clone().or_else(|| Some(folder.as_ref()?.path().join("data")));
        let data = std::path::absolute(data.context("no data folder")?)?;
        let (infra, services, gateway) = (None, Vec::new(), None);
        Ok(Self { options, info: None, gateway_port: 0, infra, services, gateway, data, _folder: folder })
    }

    /// Comes back when the gateway is ready. What was started until a failure is ended by [`Stack::stop`].
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let info = match &self.options.attach {
            Some(file) => {
                let text = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
                serde_json::from_slice(&text).with_context(|| format!("{} is no stack.json", file.display()))?
            }
            None => self.start_infra().await?,
        };
        let running = info.gateway.as_ref().map(|gateway| gateway.port);
        self.info = Some(info);
        match running {
            Some(port) => {
                eprintln!("attached; its own rate limits apply unless it was started without them");
                self.gateway_port = port;
            }
            None => {
                for _ in 0..self.options.chats.max(1) {
                    self.start_service("chat", "CHAT").await?;
                }
                for _ in 0..self.options.exams.max(1) {
                    self.start_service("exam-grading", "EXAMS").await?;
                }
                // Every connection begins with an inbox.
                self.start_service("notification", "NOTIFICATIONS").await?;
                self.start_gateway().await?;
            }
        }
        Ok(())
    }

    fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    async fn start_infra(&mut self) -> anyhow::Result<StackFile> {
        let mut command = clean(&program("sinaesta-standalone")?);
        command.arg("infra").arg("--data").arg(&self.data);
        let data = self.data.clone();
        let infra = self.infra.insert(Process::start("infra", command, &self.data.join("logs"))?);
        let pid = infra.pid();
        infra.until(INFRA_START, async || StackFile::read(&data).ok().filter(|info| info.pid == pid)).await
    }

    fn service(&self, name: &str) -> anyhow::Result<Command> {
        let info = self.info.as_ref().context("nothing runs yet")?;
        let mut command = clean(&program(name)?);
        command
            .env("SINAESTA__NATS__URL", &info.nats.url)
            .env("SINAESTA__DATABASE__URL", &info.postgres.url)
            .env("SINAESTA__AUTH__JWT_SECRET", &info.jwt_secret)
            .envs(NO_LIMITS);
        for setting in &self.options.settings {
            let (key, value) = setting.split_once('=').with_context(|| format!("--set {setting}: no '='"))?;
            command.env(format!("SINAESTA__{}", key.to_uppercase().replace('.', "__")), value);
        }
        Ok(command)
    }

    async fn start_service(&mut self, name: &'static str, section: &str) -> anyhow::Result<u16> {
        let port = free_port()?;
        let mut command = self.service(&format!("sinaesta-{name}"))?;
        command.env(format!("SINAESTA__{section}__HTTP_PORT"), port.to_string());
        let mut process = Process::start(name, command, &self.logs())?;
        let ready = process.until(SERVICE_START, async || answers_ok(port, "/readyz").await.then_some(())).await;
        self.services.push((name, process));
        ready.map(|()| port)
    }

    /// Starts a leaderboard on what the database has now; its pid, the port of its metrics, and how long it took.
    pub(crate) async fn start_leaderboard(&mut self) -> anyhow::Result<(u32, u16, Duration)> {
        self.services.retain(|(name, _)| *name != "leaderboard");
        let (begun, port) = (Instant::now(), self.start_service("leaderboard", "LEADERBOARD").await?);
        let (_, process) = self.services.last().context("nothing was started")?;
        Ok((process.pid(), port, begun.elapsed()))
    }

    async fn start_gateway(&mut self) -> anyhow::Result<()> {
        let port = free_port()?;
        let mut command = self.service("sinaesta-gateway")?;
        let health = free_port()?;
        command.env("SINAESTA__GATEWAY__PORT", port.to_string());
        command.env("SINAESTA__GATEWAY__HEALTH_PORT", health.to_string());
        let gateway = self.gateway.insert(Process::start("gateway", command, &self.data.join("logs"))?);
        self.gateway_port = port;
        gateway.until(SERVICE_START, async || answers_ok(health, "/readyz").await.then_some(())).await
    }

    /// A gateway that has served nobody yet, where it is ours to restart.
    pub(crate) async fn renew_gateway(&mut self) -> anyhow::Result<()> {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().await;
            self.start_gateway().await?;
        }
        Ok(())
    }

    pub(crate) fn info(&self) -> anyhow::Result<&StackFile> {
        self.info.as_ref().context("nothing runs yet")
    }

    pub(crate) fn gateway_pid(&self) -> Option<u32> {
        self.gateway.as_ref().map(Process::pid).or_else(|| Some(self.info.as_ref()?.pid))
    }

    pub(crate) fn target(&self) -> anyhow::Result<Target> {
        let info = self.info()?;
        let gateway = match &self.gateway {
            Some(gateway) => Part::new("gateway", gateway.pid()),
            // All services in one process.
            None => Part::new("services", info.pid),
        };
        let services = self.services.iter().map(|(name, process)| Part::new(name, process.pid()));
        let postgres = Part { children: true, ..Part::new("postgres", info.postgres.pid) };
        let rest = [Part::new("nats", info.nats.pid), postgres, Part::ourselves()];
        Ok(Target {
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, self.gateway_port)),
            secret: info.jwt_secret.clone().into(),
            parts: std::iter::once(gateway).chain(services).chain(rest).collect(),
            postgres: Some(info.postgres.url.clone()),
            numbers: true,
        })
    }

    /// In order: gateway, services, NATS and Postgres.
    pub(crate) async fn stop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().await;
        }
        for (_, process) in self.services.drain(..) {
            process.stop().await;
        }
        if let Some(infra) = self.infra.take() {
            infra.stop().await;
        }
    }
}

/// Beside the programs, not in the system's temporary folder: that may lie in memory, where fsync costs nothing.
fn folder() -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    // Postgres, which does not run as root, must be able to pass.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let parent = std::env::current_exe()?.parent().map(Path::to_path_buf).context("our own program has no folder")?;
    Ok(builder.prefix("bench-").permissions(permissions).tempdir_in(parent)?)
}

/// One of the workspace's programs.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let folder = match std::env::var_os(BIN_DIR) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_exe()?.parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    let path = folder.join(name);
    anyhow::ensure!(path.exists(), "{} does not exist: run `cargo xtask bench`, or set {BIN_DIR}", path.display());
    Ok(path)
}

/// A command that inherits no settings: what somebody set for a stack of their own must not reach this one.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| key.starts_with("SINAESTA__") || key == "SINAESTA_CONFIG") {
            command.env_remove(key);
        }
    }
    command
}
