use std::ffi::OsStr;
use std::io::{Read as _, Seek as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Runs a command to its end, its output shown as it comes; fails when it does.
///
/// It has a process group of its own, which is ended as a whole when this future is dropped: a
/// Ctrl-C during `cargo test` leaves no test binary behind.
pub(crate) async fn run(mut command: Command) -> anyhow::Result<()> {
    let shown = show(&command);
    command.process_group(0).stdin(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
    let group = Group::of(&child);
    let status = child.wait().await.with_context(|| format!("cannot wait for {shown}"))?;
    group.done();
    if !status.success() {
        bail!("{shown} failed ({status})");
    }
    Ok(())
}

/// The same in a folder, for a command that was put together in place.
pub(crate) async fn run_in(command: &mut Command, folder: &std::path::Path) -> anyhow::Result<()> {
    command.current_dir(folder);
    run(std::mem::replace(command, Command::new(""))).await
}

/// How a command ended whose output was kept.
pub(crate) struct Captured {
    pub(crate) has_passed: bool,
    pub(crate) is_over_time: bool,
    /// Both of its outputs, as they came.
    pub(crate) output: String,
}

/// Runs a command to its end, or until the limit; what it wrote is kept.
pub(crate) async fn captured(mut command: Command, limit: Duration) -> anyhow::Result<Captured> {
    let shown = show(&command);
    let mut output = tempfile::tempfile()?;
    command.process_group(0).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
    let group = Group::of(&child);
    let ended = timeout(limit, child.wait()).await;
    let has_passed = match &ended {
        Ok(status) => status.as_ref().is_ok_and(ExitStatus::success),
        Err(_) => false,
    };
    // What it started may be there still.
    group.end(&mut child).await;
    let mut bytes = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut bytes)?;
    let output = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Captured { has_passed, is_over_time: ended.is_err(), output })
}

/// How long a group of processes may take to end when it is told to.
const LEAVING: Duration = Duration::from_secs(10);

struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// Ends all of it, whether its first process is there still or not.
    async fn end(mut self, child: &mut Child) {
        if let Some(group) = self.0.take() {
            let _ = killpg(group, Signal::SIGTERM);
            let _ = timeout(LEAVING, child.wait()).await;
            let _ = killpg(group, Signal::SIGKILL);
        }
    }

    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGTERM);
        }
    }
}

/// The program's name and its arguments.
fn show(command: &Command) -> String {
    let command = command.as_std();
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_names_the_command() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exit 3"]);
        let failed = run(command).await.unwrap_err().to_string();
        assert!(failed.starts_with("sh -c exit 3 failed"), "{failed}");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]);
        let captured = captured(command, Duration::from_millis(300)).await.unwrap();
        assert!(captured.is_over_time && !captured.has_passed);
        // Whoever is dead and not yet buried has no command line.
        let command_line = format!("/proc/{}/cmdline", captured.output.trim());
        let is_there = || std::fs::read(&command_line).is_ok_and(|words| !words.is_empty());
        let gone = async {
            while is_there() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(5), gone).await.unwrap();
    }
}
