//! The stack in containers, scaled, and the official client's tests against it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::workspace::Workspace;
use crate::{e2e, run, say};

const PROJECT: &str = "sinaesta-test";
/// Beside what somebody may run already.
const PORT: u16 = 23_001;
/// What tests/compose/docker-compose.yml opens, and the passwords of development.
const STACK: &str = r#"{
  "gateway": { "url": "http://127.0.0.1:23001", "port": 23001 },
  "nats": { "url": "nats://127.0.0.1:24222", "monitor": "" },
  "postgres": { "url": "postgres://sinaesta:development-only@127.0.0.1:25432/sinaesta" },
  "jwtSecret": "development-only-change-me-before-anyone-else-connects",
  "servicePassword": "development-only"
}"#;

/// Needs Docker with Compose; what is built stays for the next time, the containers and their data do not.
pub(crate) async fn run(workspace: &Workspace) -> anyhow::Result<()> {
    run::run(compose(workspace, &["build"])).await.context("Docker with Compose v2 is needed")?;
    let result = up_and_test(workspace).await;
    if result.is_err() {
        run::run(compose(workspace, &["logs", "--tail", "30"])).await.ok();
    }
    run::run(compose(workspace, &["down", "--volumes", "--timeout", "20"])).await?;
    result
}

async fn up_and_test(workspace: &Workspace) -> anyhow::Result<()> {
    let up = [
        "up",
        "--detach",
        "--scale",
        "gateway=2",
        "--scale",
        "chat=3",
        "--scale",
        "exam-grading=2",
        "--scale",
        "leaderboard=2",
    ];
    run::run(compose(workspace, &up)).await?;
    say::doing("waiting until everything is well");
    tokio::time::timeout(Duration::from_secs(180), well(workspace)).await.context("not everything came up")??;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), STACK)?;
    e2e::run_against(workspace, Some(file.path())).await
}

/// Every container that has a health check says that it is well.
async fn well(workspace: &Workspace) -> anyhow::Result<()> {
    loop {
        let output =
            compose(workspace, &["ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}"]).output().await?;
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        if shown.lines().any(|line| line.starts_with("balancer running healthy")) && !shown.contains("starting") {
            if shown.contains("unhealthy") {
                bail!("not well:\n{shown}");
            }
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn compose(workspace: &Workspace, words: &[&str]) -> Command {
    let file = |path: &str| -> PathBuf { workspace.root.join(path) };
    let mut command = Command::new("docker");
    let files = [
        OsString::from("--file"),
        file("docker-compose.yml").into(),
        "--file".into(),
        file("tests/compose/docker-compose.yml").into(),
    ];
    command
        .args(["compose", "--project-name", PROJECT, "--project-directory"])
        .arg(Path::new(&workspace.root))
        .args(files);
    command.args(words).env("GATEWAY_PORT", PORT.to_string());
    command
}
