//! Starts the real programs, kills them, and looks whether anything is left.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sinaesta_localstack::{Error, NatsOptions, NatsServer, Postgres, PostgresOptions, Supervised, Tools};
use tempfile::TempDir;
use tokio::net::TcpStream;

fn quiet(_: &str) {}

/// One that Postgres's user can reach, as temporary folders of root are not.
fn open_folder() -> std::io::Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

fn send(pid: u32, signal: Signal) {
    let _ = i32::try_from(pid).map(|pid| kill(Pid::from_raw(pid), signal));
}

/// Processes whose command line names the folder; guards do not, but end with what they guard.
fn left_in(folder: &Path) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "pid=,args="]).output();
    let text = listed.map(|shown| String::from_utf8_lossy(&shown.stdout).into_owned());
    let marker = folder.to_string_lossy();
    let lines = text.unwrap_or_default();
    lines.lines().filter(|line| line.contains(&*marker)).map(str::to_owned).collect()
}

async fn until(what: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !what() {
        if started.elapsed() > Duration::from_secs(30) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

#[tokio::test]
async fn nats_comes_back_on_its_port_after_a_crash_and_leaves_nothing_when_stopped() {
    let folder = open_folder().unwrap();
    let program = Tools::from_env().nats_server(&quiet).await.unwrap();
    let nats = NatsServer::start(NatsOptions::new(program, folder.path())).await.unwrap();
    let (url, port, options) = (nats.client_url(), nats.port(), nats.options().clone());
    TcpStream::connect(("127.0.0.1", port)).await.unwrap();

    let second = NatsServer::start(options.clone()).await;
    assert!(matches!(second, Err(Error::FolderInUse { .. })), "{second:?}");

    nats.kill().await;
    let nats = NatsServer::start(options).await.unwrap();
    assert_eq!(nats.client_url(), url);
    TcpStream::connect(("127.0.0.1", port)).await.unwrap();

    nats.stop().await;
    assert_eq!(left_in(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_before_a_crash() {
    let folder = open_folder().unwrap();
    let programs = Tools::from_env().postgres(&quiet).await.unwrap();
    let options = PostgresOptions::new(programs, folder.path().join("postgres"));
    let postgres = Postgres::start(options).await.unwrap();
    postgres.create_database("demo").await.unwrap();
    postgres.create_database("demo").await.unwrap();
    let sql = "create table kept(n int); insert into kept values (7)";
    postgres.execute("demo", sql).await.unwrap();
    let options = postgres.options().clone();
    let url = postgres.url("demo");

    postgres.kill().await;
    let postgres = Postgres::start(options).await.unwrap();
    assert_eq!(postgres.url("demo"), url);
    assert_eq!(postgres.execute("demo", "select n from kept").await.unwrap().trim(), "7");
    let refused = postgres.execute("demo", "select wrong").await.unwrap_err().to_string();
    assert!(refused.contains("wrong"), "{refused}");
    postgres.drop_database("demo").await.unwrap();

    postgres.stop().await;
    assert_eq!(left_in(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_supervised_part_killed_by_pid_is_back_under_another_pid() {
    let folder = open_folder().unwrap();
    let tools = Tools::from_env();
    let program = tools.nats_server(&quiet).await.unwrap();
    let nats = NatsServer::start(NatsOptions::new(program, folder.path().join("nats")));
    let programs = tools.postgres(&quiet).await.unwrap();
    let postgres = Postgres::start(PostgresOptions::new(programs, folder.path().join("pg")));
    let (nats, postgres) = (nats.await.unwrap(), postgres.await.unwrap());
    let ports = [nats.port(), postgres.port()];

    let parts = [Supervised::new(nats), Supervised::new(postgres)];
    for (part, port) in parts.iter().zip(ports) {
        let mut pid = part.pid();
        let first = *pid.borrow();
        send(first, Signal::SIGKILL);
        let back = pid.wait_for(|pid| *pid != first);
        tokio::time::timeout(Duration::from_secs(30), back).await.unwrap().unwrap();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    }
    for part in parts {
        part.stop().await;
    }
    assert_eq!(left_in(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_dropped_handle_leaves_no_process() {
    let folder = open_folder().unwrap();
    let program = Tools::from_env().nats_server(&quiet).await.unwrap();
    let nats = NatsServer::start(NatsOptions::new(program, folder.path())).await.unwrap();
    assert_ne!(left_in(folder.path()), Vec::<String>::new());
    drop(nats);
    assert!(until(|| left_in(folder.path()).is_empty()).await);
}

/// Runs only as the child of the next test: starts NATS and tells nobody to stop it.
#[tokio::test]
#[ignore = "started by another test, to be killed"]
async fn owner_to_be_killed() {
    let Some(folder) = std::env::var_os("SINAESTA_TEST_OWNED_FOLDER") else { return };
    let folder = Path::new(&folder);
    let program = Tools::from_env().nats_server(&quiet).await.unwrap();
    let _nats = NatsServer::start(NatsOptions::new(program, folder)).await.unwrap();
    std::fs::write(folder.join("started"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_part_ends_when_its_owner_is_killed() {
    let folder = open_folder().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner_to_be_killed", "--ignored"])
        .env("SINAESTA_TEST_OWNED_FOLDER", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert!(until(|| folder.path().join("started").exists()).await);
    assert_ne!(left_in(folder.path()), Vec::<String>::new());
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(until(|| left_in(folder.path()).is_empty()).await);
}
