//! A process that we started and that we end, by its own pid.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a process may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ended by [`Process::stop`]; killed when it is dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts it with its output in `<logs>/<name>.log`, and with none of our own settings.
    pub(crate) fn start(name: &'static str, mut command: Command, logs: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(logs)?;
        let log = logs.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        command.stdout(out.try_clone()?).stderr(out);
        Self::spawn(name, command, log)
    }

    /// Starts it and comes back with the first line of its output.
    pub(crate) async fn start_talking(name: &'static str, mut command: Command) -> anyhow::Result<(Self, String)> {
        command.stdout(Stdio::piped());
        let mut process = Self::spawn(name, command, PathBuf::new())?;
        let output = process.child.stdout.take().context("no output")?;
        let line = timeout(PATIENCE, BufReader::new(output).lines().next_line()).await;
        let line = line.with_context(|| format!("{name} said nothing"))??;
        Ok((process, line.with_context(|| format!("{name} ended at once"))?))
    }

    fn spawn(name: &'static str, mut command: Command, log: PathBuf) -> anyhow::Result<Self> {
        let program = command.as_std().get_program().to_owned();
        // A terminal's Ctrl-C goes to us alone: we end the others, in order.
        command.process_group(0).stdin(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("{} can't be started", program.display()))?;
        let pid = child.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Self { name, child, pid, log })
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Asks again and again until there is an answer.
    pub(crate) async fn until<T>(
        &mut self,
        limit: Duration,
        mut ask: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(answer) = ask().await {
                return Ok(answer);
            }
            let ended = self.child.try_wait()?.map(|status| status.to_string());
            if ended.is_some() || Instant::now() > deadline {
                let why = ended.unwrap_or_else(|| format!("is not ready after {limit:?}"));
                bail!("{} {why}; its last lines:\n{}", self.name, self.last_lines());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Asks it to end; kills it if it does not.
    pub(crate) async fn stop(mut self) {
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.pid)) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            eprintln!("{} did not end when asked: killed", self.name);
            self.child.kill().await.ok();
        }
    }
}
