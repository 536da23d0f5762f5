use std::fs::{File, OpenOptions};
use std::future::Future;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

use crate::guard::Guard;
use crate::{Error, Result};

/// How often a condition is looked at while waiting for it.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// One child process in its own process group, its output in a log file.
///
/// The exit is observed by a thread of its own, so that a handle outlives the async runtime it
/// was started in (tests share one server over many runtimes).
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    pid: u32,
    log: PathBuf,
    on_drop: Signal,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// `gentle` is the signal that makes this program end in good order; `on_drop` the one that
    /// ends it at once.
    pub(crate) fn spawn(
        name: &'static str,
        mut command: Command,
        log: &Path,
        gentle: Signal,
        on_drop: Signal,
    ) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let out = open_log(log)?;
        let err = out.try_clone().map_err(Error::file("open", log))?;
        command.process_group(0).stdin(Stdio::null()).stdout(out).stderr(err);

        let mut child = command.spawn().map_err(Error::spawn(program))?;
        let pid = child.id();
        let guard = match Guard::watch(pid, gentle) {
            Ok(guard) => guard,
            Err(source) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::spawn("/bin/sh")(source));
            }
        };
        let (report, exit) = watch::channel(None);
        std::thread::spawn(move || {
            let status = child.wait().unwrap_or_default();
            drop(guard);
            report.send_replace(Some(status));
        });
        Ok(Self { name, pid, log: log.to_path_buf(), on_drop, exit })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Completes when the process has ended.
    pub(crate) fn wait(&self) -> impl Future<Output = ExitStatus> + Send + 'static {
        let mut exit = self.exit.clone();
        async move {
            match exit.wait_for(Option::is_some).await {
                Ok(status) => (*status).unwrap_or_default(),
                Err(_) => ExitStatus::default(),
            }
        }
    }

    /// Does nothing once the process has ended: its pid may be another's.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.exited().is_none()
            && let Ok(pid) = i32::try_from(self.pid)
        {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Asks with `gentle`, and kills when that has not worked within `limit`.
    pub(crate) async fn stop(&self, gentle: Signal, limit: Duration) {
        self.signal(gentle);
        if tokio::time::timeout(limit, self.wait()).await.is_err() {
            tracing::warn!(part = self.name, pid = self.pid, "did not stop when asked: killed");
            self.signal(Signal::SIGKILL);
            self.wait().await;
        }
    }

    /// Waits until `ready` answers true; fails when the process ends or `limit` passes first.
    pub(crate) async fn until_ready<F, Fut>(&self, limit: Duration, mut ready: F) -> Result<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let started = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                let detail = last_complaint(&self.log).unwrap_or_else(|| status.to_string());
                return Err(Error::EndedEarly { part: self.name, detail, log: self.log.clone() });
            }
            if ready().await {
                return Ok(());
            }
            if started.elapsed() > limit {
                let limit_s = limit.as_secs();
                return Err(Error::NotReady { part: self.name, limit_s, log: self.log.clone() });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.on_drop);
        let started = Instant::now();
        while self.exited().is_none() {
            if started.elapsed() > Duration::from_secs(3) {
                self.signal(Signal::SIGKILL);
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn open_log(path: &Path) -> Result<File> {
    const KEPT_BYTES: u64 = 20_000_000;
    let grown = std::fs::metadata(path).is_ok_and(|meta| meta.len() > KEPT_BYTES);
    let mut options = OpenOptions::new();
    if grown {
        options.write(true).truncate(true);
    } else {
        options.append(true);
    }
    options.create(true).open(path).map_err(Error::file("open", path))
}

/// The last line of a log that names a failure, without its time stamp.
fn last_complaint(log: &Path) -> Option<String> {
    let text = std::fs::read(log).ok()?;
    let tail = text.get(text.len().saturating_sub(8_192)..)?;
    pick_complaint(&String::from_utf8_lossy(tail))
}

fn pick_complaint(text: &str) -> Option<String> {
    const MARKS: [&str; 4] = ["[FTL] ", "[ERR] ", "FATAL:  ", "nats-server: "];
    let marked = |line: &str| MARKS.iter().find_map(|mark| line.split_once(mark).map(|(_, rest)| rest.to_owned()));
    let last = || text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned);
    text.lines().rev().find_map(marked).or_else(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaint_is_the_last_line_that_names_a_failure() {
        let log = "[1] 2026/01/01 [INF] starting\n[1] 2026/01/01 [FTL] port is taken\nbye\n";
        assert_eq!(pick_complaint(log).as_deref(), Some("port is taken"));
        assert_eq!(pick_complaint("something\n\n").as_deref(), Some("something"));
        assert_eq!(pick_complaint(""), None);
    }

    #[tokio::test]
    async fn a_process_that_ends_at_once_is_reported_with_its_complaint() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo 'x FATAL:  no luck' >&2; exit 3"]);
        let log = folder.path().join("log");
        let process = Process::spawn("part", command, &log, Signal::SIGTERM, Signal::SIGKILL).unwrap();
        let failed = process.until_ready(Duration::from_secs(5), || async { false }).await;
        assert!(matches!(failed, Err(Error::EndedEarly { detail, .. }) if detail == "no luck"));
    }
}
