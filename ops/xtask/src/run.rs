use std::ffi::OsStr;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

/// Runs a command to its end, its output shown as it comes; fails when it does.
///
/// It has a process group of its own, which is ended as a whole when this future is dropped: a
/// Ctrl-C during `cargo test` leaves no test binary behind.
pub(crate) async fn run(mut command: Command) -> anyhow::Result<()> {
    let shown = show(&command);
    command.process_group(0).stdin(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
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

struct Group(Option<Pid>);

impl Group {
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
}
