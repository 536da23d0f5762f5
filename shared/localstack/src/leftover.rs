use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::POLL;

/// Ends what an earlier owner of a data folder left running there.
///
/// `marker` is a text that only that program's command line has (its own data folder), so that a
/// pid which now belongs to another program is left alone. The caller holds the folder's lock.
pub(crate) async fn end(pid_file: &Path, marker: &str, gentle: Signal) {
    let Some(pid) = recorded_pid(pid_file) else { return };
    if runs(pid, marker) {
        tracing::info!(pid, "ending a process left by an earlier run");
        let _ = kill(Pid::from_raw(pid), gentle);
        if !gone(pid, marker, Duration::from_secs(10)).await {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            gone(pid, marker, Duration::from_secs(5)).await;
        }
    }
    // A stale file would keep Postgres from starting when the pid has been given to another.
    let _ = std::fs::remove_file(pid_file);
}

fn recorded_pid(pid_file: &Path) -> Option<i32> {
    let text = std::fs::read_to_string(pid_file).ok()?;
    text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)
}

async fn gone(pid: i32, marker: &str, limit: Duration) -> bool {
    let started = Instant::now();
    while runs(pid, marker) {
        if started.elapsed() > limit {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

fn runs(pid: i32, marker: &str) -> bool {
    command_line(pid).is_some_and(|line| line.contains(marker))
}

fn command_line(pid: i32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let shown = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&shown.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pid_that_is_now_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        std::fs::write(&pid_file, format!("{}\n", other.id())).unwrap();
        end(&pid_file, "/data/of/ours", Signal::SIGTERM).await;
        assert!(other.try_wait().unwrap().is_none());
        assert!(!pid_file.exists());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
