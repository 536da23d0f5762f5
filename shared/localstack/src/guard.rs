use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

/// Waits for its stdin to close, which happens when the owner dies by whatever means, then asks
/// the child to end, and kills it if it has not after ten seconds.
const SCRIPT: &str = r#"
read -r _
kill -s "$1" "$2" 2>/dev/null
n=0
while kill -0 "$2" 2>/dev/null && [ "$n" -lt 100 ]; do
  # Ended, and waiting for an init that may never collect it.
  case "$(ps -o stat= -p "$2" 2>/dev/null)" in Z*) exit ;; esac
  n=$((n + 1))
  sleep 0.1
done
kill -s KILL "$2" 2>/dev/null
"#;

/// A small shell that ends a child when the program owning this value is killed.
///
/// It works the same on every Unix, needs no privileges, survives a change of the child's user
/// (which would clear a parent-death signal), and has its own process group so that a terminal's
/// Ctrl-C does not reach it.
pub(crate) struct Guard(Child);

impl Guard {
    pub(crate) fn watch(pid: u32, signal: Signal) -> io::Result<Self> {
        let name = signal.as_str().trim_start_matches("SIG");
        Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sinaesta-guard", name])
            .arg(pid.to_string())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Before its stdin closes, or it would signal a pid that may be someone else's by now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
