use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::node::{install, path_with};
use crate::workspace::Workspace;
use crate::{cargo, debian, prometheus, python, run, say};

const FOLDER: &str = "tests/client";
/// Files that hold times or rates against a bound: they have the machine to themselves. The others mostly wait, two at a time.
const ALONE: [&str; 6] = ["door", "exam-clock", "exam-rush", "fair", "hostile", "leaderboard"];
const NO_HAPROXY: &str = "the tests of the balancer need HAProxy 2.6 or newer: install the package `haproxy`";

/// The official Socket.IO client against freshly built services, each test file with a stack of its own.
pub(crate) async fn run(workspace: &Workspace) -> anyhow::Result<()> {
    run_against(workspace, None).await
}

/// Against a stack that runs already, if a file says where; tests that need processes of their own are skipped then.
pub(crate) async fn run_against(workspace: &Workspace, stack: Option<&Path>) -> anyhow::Result<()> {
    let client = Client::prepare(workspace).await?;
    let (alone, together): (Vec<_>, Vec<_>) = test_files(&client.folder)?.into_iter().partition(|file| is_alone(file));
    for (files, at_a_time) in [(together, 2), (alone, 1)] {
        // What runs already is one stack: its tests would disturb each other.
        let at_a_time = if stack.is_some() { 1 } else { at_a_time };
        let mut test = client.test(&files, at_a_time);
        if let Some(stack) = stack {
            test.env("SINAESTA_STACK", stack);
        }
        run::run(test).await?;
    }
    Ok(())
}

fn is_alone(file: &OsStr) -> bool {
    ALONE.iter().any(|name| file == OsStr::new(&format!("{name}.test.mjs")))
}

/// Some of the test files, one at a time, with all that they need.
pub(crate) async fn command(workspace: &Workspace, files: &[OsString]) -> anyhow::Result<Command> {
    Ok(Client::prepare(workspace).await?.test(files, 1))
}

/// The client's tests, with the services built and everything fetched: none of them waits for a download.
pub(crate) struct Client {
    node: PathBuf,
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

impl Client {
    pub(crate) async fn prepare(workspace: &Workspace) -> anyhow::Result<Self> {
        let folder = workspace.root.join(FOLDER);
        cargo::build_all(workspace).await?;
        let tools = workspace.tools();
        let node = tools.node(&say::doing).await?;
        tools.nats_server(&say::doing).await?;
        tools.postgres(&say::doing).await?;
        install(&node, &folder).await?;
        let phoenix = python::packages(tools.cache(), "phoenix", &workspace.root.join("ops/pins/phoenix.txt")).await?;
        let prometheus = prometheus::folder(tools.cache()).await?;
        let haproxy = debian::program(&["haproxy"], "haproxy", NO_HAPROXY).await?;
        let bin_dir = workspace.bin_dir(false);
        let mut environment = vec![
            ("PATH", path_with(node.folder())?),
            ("SINAESTA_PHOENIX", phoenix.into()),
            ("SINAESTA_HAPROXY", haproxy.into()),
            ("SINAESTA_PROMETHEUS", prometheus.join("prometheus").into()),
            ("SINAESTA_STANDALONE", bin_dir.join("sinaesta-standalone").into()),
            ("SINAESTA_BIN_DIR", bin_dir.into()),
            ("SINAESTA_TOOLS_DIR", tools.cache().into()),
        ];
        if python::is_there().await {
            let pins = workspace.root.join("ops/pins/schemathesis.txt");
            let schemathesis = python::packages(tools.cache(), "schemathesis", &pins).await?;
            environment.push(("SINAESTA_SCHEMATHESIS", schemathesis.into()));
        } else {
            say::doing("there is no python3: the API is not tried by Schemathesis");
        }
        Ok(Self { node: node.node.clone(), folder, environment })
    }

    /// Tests in Node, so many files at a time: each has a whole stack of its own.
    pub(crate) fn test<A: AsRef<OsStr>>(&self, args: &[A], at_a_time: usize) -> Command {
        let mut test = Command::new(&self.node);
        test.arg("--test").arg(format!("--test-concurrency={at_a_time}")).args(args).current_dir(&self.folder);
        test.envs(self.environment.iter().map(|(name, value)| (name, value)));
        test
    }
}

/// Every `*.test.mjs`, by name. None at all is a failure: tests that vanish must not pass.
pub(crate) fn test_files(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|name| name.to_str().is_some_and(|name| name.ends_with(".test.mjs")))
        .collect();
    if files.is_empty() {
        bail!("{} has no *.test.mjs", folder.display());
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_alone_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
        let alone: Vec<_> = test_files(&folder).unwrap().into_iter().filter(|file| is_alone(file)).collect();
        assert_eq!(alone.len(), ALONE.len(), "{alone:?}");
    }

    #[test]
    fn only_test_files_are_run_and_none_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        assert!(test_files(folder.path()).is_err());
        for name in ["b.test.mjs", "a.test.mjs", "helper.mjs"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(test_files(folder.path()).unwrap(), ["a.test.mjs", "b.test.mjs"]);
    }
}
