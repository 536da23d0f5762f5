//! Runs the program itself: what it starts, what it brings back, what it leaves.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sinaesta_localstack::StackFile;

/// `infra` on a data folder; killed if a test fails before it has been stopped.
struct Infra(Child);

impl Infra {
    fn start(data: &Path) -> std::io::Result<Self> {
        Command::new(env!("CARGO_BIN_EXE_sinaesta-standalone"))
            .args(["infra", "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
    }
}

impl Drop for Infra {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn send(pid: u32, signal: Signal) {
    let _ = i32::try_from(pid).map(|pid| kill(Pid::from_raw(pid), signal));
}

fn until<T>(what: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = what();
        if found.is_some() || started.elapsed() > Duration::from_secs(60) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes whose command line names the folder.
fn left_in(folder: &Path) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "pid=,args="]).output();
    let text = listed.map(|shown| String::from_utf8_lossy(&shown.stdout).into_owned());
    let marker = folder.to_string_lossy();
    text.unwrap_or_default().lines().filter(|line| line.contains(&*marker)).map(str::to_owned).collect()
}

/// Files below `folder` that have one of `secrets` in them, with what others than their owner may do with them.
fn with_secrets(folder: &Path, secrets: &[&str]) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(about)) = (entry.path(), entry.metadata()) else { continue };
        // The database's folder is its user's alone, and large.
        if about.is_dir() && !path.ends_with("postgres") {
            found.extend(with_secrets(&path, secrets));
        } else if about.is_file() {
            let content = std::fs::read(&path).unwrap_or_default();
            let has = |secret: &&str| content.windows(secret.len()).any(|part| part == secret.as_bytes());
            if secrets.iter().any(has) {
                found.push((path, about.permissions().mode() & 0o077));
            }
        }
    }
    found
}

#[test]
fn what_is_killed_comes_back_and_nothing_stays_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let mut infra = Infra::start(&data).unwrap();
    let first = until(|| StackFile::read(&data).ok()).unwrap();
    assert_eq!(first.gateway, None);
    assert_eq!(first.pid, infra.0.id());
    assert!(!first.tokens.student.is_empty());

    let secrets = [first.jwt_secret.as_str(), &first.service_password];
    let files = with_secrets(&data, &secrets);
    for name in ["nats.conf", "stack.json", "jwt-secret", "service-password"] {
        assert!(files.iter().any(|(path, _)| path.ends_with(name)), "{name}: {files:?}");
    }
    assert_eq!(files.iter().filter(|(_, others)| *others != 0).collect::<Vec<_>>(), Vec::<&(PathBuf, u32)>::new());

    send(first.nats.pid, Signal::SIGKILL);
    send(first.postgres.pid, Signal::SIGKILL);
    let back = until(|| {
        StackFile::read(&data)
            .ok()
            .filter(|now| now.nats.pid != first.nats.pid && now.postgres.pid != first.postgres.pid)
    })
    .unwrap();
    assert_eq!((&back.nats.url, &back.postgres.url), (&first.nats.url, &first.postgres.url));

    send(infra.0.id(), Signal::SIGTERM);
    assert!(infra.0.wait().unwrap().success());
    assert!(!data.join(StackFile::NAME).exists());
    assert_eq!(left_in(folder.path()), Vec::<String>::new());
}

#[test]
fn a_killed_run_leaves_nothing_and_the_next_one_has_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let mut infra = Infra::start(&data).unwrap();
    let first = until(|| StackFile::read(&data).ok()).unwrap();
    infra.0.kill().unwrap();
    infra.0.wait().unwrap();
    until(|| left_in(folder.path()).is_empty().then_some(())).unwrap();

    let infra = Infra::start(&data).unwrap();
    let second = until(|| StackFile::read(&data).ok().filter(|now| now.pid == infra.0.id())).unwrap();
    assert_eq!(second.jwt_secret, first.jwt_secret);
}

#[test]
fn a_data_folder_in_use_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let _held = sinaesta_localstack::FolderLock::take(folder.path()).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_sinaesta-standalone"))
        .args(["infra", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is in use by another running stack"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}
