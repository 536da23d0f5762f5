use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::cluster::{Cluster, SUPERUSER};
use crate::identity::{Identity, open_folder};
use crate::process::{POLL, Process};
use crate::supervise::Part;
use crate::{Error, FolderLock, PostgresPrograms, Result, leftover, ports};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How long the processes of a killed server may take to be gone.
const SHUTDOWN_OF_OLD: Duration = Duration::from_secs(15);

/// How one Postgres is run.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub programs: PostgresPrograms,
    /// Holds the data, the superuser's password and the log; made if need be. As root, Postgres
    /// runs as another user: when that one cannot reach this folder, another is taken, and
    /// [`Postgres::data_dir`] says which.
    pub data_dir: PathBuf,
    /// 0 chooses a free one.
    pub port: u16,
    pub max_connections: u16,
    /// More settings, as `name=value`.
    pub settings: Vec<String>,
}

impl PostgresOptions {
    pub fn new(programs: PostgresPrograms, data_dir: impl Into<PathBuf>) -> Self {
        Self { programs, data_dir: data_dir.into(), port: 0, max_connections: 200, settings: vec![] }
    }
}

/// A running Postgres on 127.0.0.1 and nowhere else. Dropping it ends it at once.
#[derive(Debug)]
pub struct Postgres {
    options: PostgresOptions,
    cluster: Cluster,
    // Before the lock: fields are dropped in order, and the folder is free once nothing runs.
    process: Process,
    _lock: FolderLock,
}

impl Postgres {
    /// Comes back when it accepts connections.
    pub async fn start(mut options: PostgresOptions) -> Result<Self> {
        let identity = Identity::for_postgres();
        let wanted = std::path::absolute(&options.data_dir).map_err(Error::file("resolve", &options.data_dir))?;
        options.data_dir = identity.reachable(&wanted);
        if options.data_dir != wanted {
            tracing::debug!(wanted = %wanted.display(), used = %options.data_dir.display(), "Postgres's user cannot reach the data folder: another is used");
        }
        if let Some(parent) = options.data_dir.parent().filter(|parent| !parent.exists()) {
            open_folder(parent)?;
        }
        open_folder(&options.data_dir)?;
        let lock = FolderLock::take(&options.data_dir)?;
        let cluster = Cluster::open(&options.programs, &options.data_dir, identity).await?;
        leftover::end(&cluster.pid_file(), &cluster.pgdata.to_string_lossy(), Signal::SIGINT).await;

        let chosen = ports::Wanted { port: options.port };
        let mut attempt = 0;
        let started = Instant::now();
        loop {
            attempt += 1;
            options.port = chosen.take().await?;
            match launch(&options, &cluster, identity).await {
                Ok(process) => return Ok(Self { options, cluster, process, _lock: lock }),
                // Someone else took the chosen port first.
                Err(Error::EndedEarly { detail, .. })
                    if attempt < 5 && chosen.port == 0 && detail.contains("TCP/IP sockets") => {}
                // The backends of a killed server notice its end by themselves, and hold its
                // shared memory until then.
                Err(Error::EndedEarly { detail, .. })
                    if started.elapsed() < SHUTDOWN_OF_OLD && detail.contains("still in use") =>
                {
                    tokio::time::sleep(POLL * 5).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The superuser's connection to a database.
    pub fn url(&self, database: &str) -> String {
        let Cluster { password, .. } = &self.cluster;
        format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{}/{database}", self.options.port)
    }

    pub fn port(&self) -> u16 {
        self.options.port
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder really used.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.options.data_dir
    }

    /// The options with the port in use: started with these, it comes back as it was.
    pub fn options(&self) -> &PostgresOptions {
        &self.options
    }

    pub(crate) fn password(&self) -> &str {
        &self.cluster.password
    }

    /// Ends its sessions, writes everything and stops; killed if that takes more than 20 s.
    pub async fn stop(self) {
        self.process.stop(Signal::SIGINT, STOP_WITHIN).await;
    }

    /// As a crash would: the main process gets SIGKILL, its backends notice and end.
    pub async fn kill(self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait().await;
    }
}

async fn launch(options: &PostgresOptions, cluster: &Cluster, identity: Identity) -> Result<Process> {
    let mut command = Command::new(options.programs.path("postgres"));
    command.arg("-D").arg(&cluster.pgdata).env("LC_ALL", "C");
    let fixed = [
        format!("port={}", options.port),
        format!("max_connections={}", options.max_connections),
        "listen_addresses=127.0.0.1".to_owned(),
        // Sockets in the file system have a path limit of about a hundred bytes.
        "unix_socket_directories=".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "log_line_prefix=%m [%p] ".to_owned(),
    ];
    for setting in fixed.iter().chain(&options.settings) {
        command.arg("-c").arg(setting);
    }
    identity.apply(&mut command);
    let log = options.data_dir.join("postgres.log");
    let process = Process::spawn("Postgres", command, &log, Signal::SIGINT, Signal::SIGQUIT)?;
    let pid = process.pid();
    process.until_ready(READY_WITHIN, || std::future::ready(cluster.is_ready(pid))).await?;
    Ok(process)
}

impl Part for Postgres {
    type Options = PostgresOptions;
    const NAME: &'static str = "Postgres";

    async fn start(options: PostgresOptions) -> Result<Self> {
        Postgres::start(options).await
    }

    fn options(&self) -> PostgresOptions {
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
        Postgres::stop(self).await;
    }
}
