use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::nats_config::Config;
use crate::process::Process;
use crate::supervise::Part;
use crate::{Error, FolderLock, Result, SyncInterval, http, leftover, ports, secret};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// How one NATS server is run.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    pub program: PathBuf,
    /// Holds the configuration, the log and JetStream's files; made if need be.
    pub data_dir: PathBuf,
    /// 0 chooses a free one.
    pub port: u16,
    /// Of the monitoring over HTTP; 0 chooses a free one.
    pub monitor_port: u16,
    pub sync: SyncInterval,
    pub max_memory_bytes: u64,
    pub max_file_bytes: u64,
    /// Lines added to the configuration file, for accounts and the like.
    pub extra_config: String,
}

impl NatsOptions {
    pub fn new(program: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            data_dir: data_dir.into(),
            port: 0,
            monitor_port: 0,
            sync: SyncInterval::default(),
            max_memory_bytes: 1_000_000_000,
            max_file_bytes: 8_000_000_000,
            extra_config: String::new(),
        }
    }
}

/// A running NATS server with JetStream on 127.0.0.1. Dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    options: NatsOptions,
    // Before the lock: fields are dropped in order, and the folder is free once nothing runs.
    process: Process,
    _lock: FolderLock,
}

impl NatsServer {
    /// Comes back when JetStream has recovered its streams and answers.
    pub async fn start(mut options: NatsOptions) -> Result<Self> {
        options.data_dir = std::path::absolute(&options.data_dir).map_err(Error::file("resolve", &options.data_dir))?;
        let lock = FolderLock::take(&options.data_dir)?;
        let config_file = options.data_dir.join("nats.conf");
        let pid_file = options.data_dir.join("nats.pid");
        leftover::end(&pid_file, &config_file.to_string_lossy(), Signal::SIGTERM).await;

        let chosen = ports::Wanted { port: options.port };
        let chosen_monitor = ports::Wanted { port: options.monitor_port };
        let mut attempt = 0;
        loop {
            attempt += 1;
            options.port = chosen.take().await?;
            options.monitor_port = chosen_monitor.take().await?;
            match launch(&options, &config_file, &pid_file).await {
                Ok(process) => return Ok(Self { options, process, _lock: lock }),
                // Someone else took the chosen port first.
                Err(Error::EndedEarly { detail, .. })
                    if attempt < 5 && chosen.port == 0 && detail.contains("address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn client_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.options.port)
    }

    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.options.monitor_port)
    }

    pub fn port(&self) -> u16 {
        self.options.port
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The options with the ports in use: started with these, it comes back as it was.
    pub fn options(&self) -> &NatsOptions {
        &self.options
    }

    /// Asks it to end, waits until it has, and kills it if that takes more than 15 s.
    pub async fn stop(self) {
        self.process.stop(Signal::SIGTERM, STOP_WITHIN).await;
    }

    /// As a crash would: no warning to anyone. Comes back when it is gone.
    pub async fn kill(self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait().await;
    }
}

async fn launch(options: &NatsOptions, config_file: &Path, pid_file: &Path) -> Result<Process> {
    let config = Config {
        port: options.port,
        monitor_port: options.monitor_port,
        pid_file,
        store_dir: &options.data_dir.join("jetstream"),
        sync: options.sync,
        max_memory_bytes: options.max_memory_bytes,
        max_file_bytes: options.max_file_bytes,
        extra: &options.extra_config,
    };
    // It has every password.
    secret::write_private(config_file, config.render().as_bytes())?;
    let mut command = Command::new(&options.program);
    command.arg("--config").arg(config_file);
    let log = options.data_dir.join("nats.log");
    let process = Process::spawn("NATS", command, &log, Signal::SIGTERM, Signal::SIGKILL)?;
    let port = options.monitor_port;
    process.until_ready(READY_WITHIN, || http::answers_ok(port, "/healthz")).await?;
    Ok(process)
}

impl Part for NatsServer {
    type Options = NatsOptions;
    const NAME: &'static str = "NATS";

    async fn start(options: NatsOptions) -> Result<Self> {
        NatsServer::start(options).await
    }

    fn options(&self) -> NatsOptions {
        self.options.clone()
    }

    fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let exit = self.process.wait();
        async move {
            exit.await;
        }
    }

    async fn stop(self) {
        NatsServer::stop(self).await;
    }
}
