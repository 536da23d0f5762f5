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
/// The base takes 24 MB, a program without its symbols about as much, the page 2 MB.
const MAX_IMAGE_BYTES: u64 = 96 * 1024 * 1024;
/// How many there are of some; one of the others.
const REPLICAS: [(&str, &str); 4] =
    [("GATEWAY_REPLICAS", "2"), ("CHAT_REPLICAS", "3"), ("EXAM_GRADING_REPLICAS", "2"), ("LEADERBOARD_REPLICAS", "2")];
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
    sizes(workspace).await?;
    run::run(compose(workspace, &["up", "--detach"])).await?;
    say::doing("waiting until everything is well");
    tokio::time::timeout(Duration::from_secs(180), well(workspace)).await.context("not everything came up")??;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), STACK)?;
    e2e::run_against(workspace, Some(file.path())).await
}

/// No image of ours is larger than it may be.
async fn sizes(workspace: &Workspace) -> anyhow::Result<()> {
    for name in ["gateway", "chat", "exam-grading", "leaderboard", "notification", "ops"] {
        let mut inspect = Command::new("docker");
        inspect.args(["image", "inspect", "--format", "{{.Size}}", &format!("sinaesta-{name}")]);
        let output = inspect.current_dir(&workspace.root).output().await?;
        let shown = String::from_utf8_lossy(&output.stdout);
        let bytes: u64 = shown.trim().parse().with_context(|| format!("the size of sinaesta-{name}: {shown:?}"))?;
        if bytes > MAX_IMAGE_BYTES {
            bail!("sinaesta-{name} has {bytes} bytes, and may have {MAX_IMAGE_BYTES}");
        }
    }
    Ok(())
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
    command.args(words).env("GATEWAY_PORT", PORT.to_string()).envs(REPLICAS);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
    }

    /// A number that stands on a command line is gone with the next one: Compose starts what the files say.
    #[test]
    fn how_many_there_are_of_each_service_is_a_variable_of_its_own() {
        let (file, example) = (read("docker-compose.yml"), read(".env.example"));
        for name in ["gateway", "chat", "exam-grading", "leaderboard", "notification"] {
            let variable = format!("{}_REPLICAS", name.to_uppercase().replace('-', "_"));
            let service = file.split_once(&format!("\n  {name}:\n")).unwrap().1;
            let service = service.split_once("\n\n").unwrap().0;
            assert!(service.contains(&format!("replicas: ${{{variable}:-1}}\n")), "{name}");
            assert!(example.contains(&format!("\n{variable}=1\n")), "{variable}");
        }
    }

    /// The port is open on the address that the gateways are told, which is the loopback unless somebody says otherwise.
    #[test]
    fn what_is_published_is_published_on_the_loopback() {
        let (file, example) = (read("docker-compose.yml"), read(".env.example"));
        let address = "${GATEWAY_ADDRESS:-127.0.0.1}";
        assert!(file.contains(&format!("SINAESTA__GATEWAY__PUBLISHED_HOST: {address}\n")));
        assert!(example.contains("\nGATEWAY_ADDRESS=127.0.0.1\n"));
        let published: Vec<_> =
            file.split("    ports:\n").skip(1).map(|rest| rest.lines().next().unwrap().trim()).collect();
        assert_eq!(published.len(), 4, "{published:?}");
        for port in published {
            assert!(port.starts_with(&format!("- \"{address}:")) || port.starts_with("- \"127.0.0.1:"), "{port}");
        }
    }

    #[test]
    fn what_runs_has_no_symbols_and_what_has_them_is_kept() {
        let (manifest, dockerfile) = (read("Cargo.toml"), read("ops/docker/Dockerfile"));
        let release = manifest.split_once("[profile.release]").unwrap().1;
        assert!(release.contains("\nstrip = true\n") && release.contains("\ndebug = \"line-tables-only\"\n"));
        let (apart, stages) = dockerfile.split_once("FROM scratch AS symbols").unwrap();
        for step in ["objcopy --only-keep-debug", "strip \"$file\"", "--add-gnu-debuglink"] {
            assert!(apart.contains(step), "{step}");
        }
        let programs = apart.split_once("for program in ").unwrap().1.split_once(';').unwrap().0;
        let copied: Vec<_> = stages.split("/src/target/release/sinaesta-").skip(1).collect();
        assert_eq!(copied.len(), programs.split_whitespace().count());
        for copy in copied {
            assert!(programs.split_whitespace().any(|program| copy.starts_with(&format!("{program} "))), "{copy}");
        }
    }
}
