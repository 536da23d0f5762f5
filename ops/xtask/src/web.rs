//! The page and its package: built, checked, and tried in a browser.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use tokio::process::Command;

use crate::e2e::test_files;
use crate::node::{install, npm, path_with};
use crate::workspace::Workspace;
use crate::{cargo, chromium, run, say};

/// Builds the page, unless the one that is there is newer than what it is built from; gives its folder.
pub(crate) async fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.root.join("web");
    let built = folder.join("demo/dist");
    if modified(&built.join("index.html")).is_some_and(|built| newest(&folder) < Some(built)) {
        return Ok(built);
    }
    let node = workspace.tools().node(&say::doing).await?;
    install(&node, &folder).await?;
    run::run(npm(&node, &folder, &["run", "build", "--workspace", "demo"])?).await.context("the page")?;
    Ok(built)
}

/// Lint, types, unit tests, builds and sizes of everything under `web/`.
pub(crate) async fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = workspace.root.join("web");
    let node = workspace.tools().node(&say::doing).await?;
    install(&node, &folder).await?;
    run::run(npm(&node, &folder, &["run", "check"])?).await
}

/// The page in a real browser, against freshly built services.
pub(crate) async fn browser(workspace: &Workspace) -> anyhow::Result<()> {
    let tests = test_files(&workspace.root.join("web/e2e/test"))?;
    drive(workspace, &tests, None).await
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the pictures go; made if need be.
    #[arg(long, value_name = "DIR", default_value = "screenshots")]
    out: PathBuf,
}

/// A picture of every page, light and dark, on a desktop and a phone.
pub(crate) async fn shots(options: Options) -> anyhow::Result<()> {
    let out = std::path::absolute(options.out)?;
    drive(&Workspace::find()?, &["accessible.test.mjs".into()], Some(&out)).await?;
    println!("the pictures are in {}", out.display());
    Ok(())
}

async fn drive(workspace: &Workspace, tests: &[OsString], shots: Option<&Path>) -> anyhow::Result<()> {
    cargo::build_all(workspace).await?;
    let page = build(workspace).await?;
    let tools = workspace.tools();
    let node = tools.node(&say::doing).await?;
    let chromium = chromium::find().await?;
    tools.nats_server(&say::doing).await?;
    tools.postgres(&say::doing).await?;
    let folder = workspace.root.join("web");
    install(&node, &folder).await?;
    // The stacks are started by what the client's tests start theirs with.
    install(&node, &workspace.root.join("tests/client")).await?;
    let bin_dir = workspace.bin_dir(false);
    let mut test = Command::new(&node.node);
    // One file at a time: each has a whole stack and a browser of its own, which takes what two cores have.
    test.args(["--test", "--test-concurrency=1"])
        .args(tests)
        .current_dir(folder.join("e2e/test"))
        .env("PATH", path_with(node.folder())?)
        .env("SINAESTA_STANDALONE", bin_dir.join("sinaesta-standalone"))
        .env("SINAESTA_BIN_DIR", bin_dir)
        .env("SINAESTA_WEB", page)
        .env("SINAESTA_CHROMIUM", chromium)
        .env("SINAESTA_TOOLS_DIR", tools.cache());
    if let Some(folder) = shots {
        test.env("SINAESTA_SHOTS", folder);
    }
    run::run(test).await
}

/// When the newest file that the page is built from was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let mut folders = vec![folder.to_path_buf()];
    let mut newest = None;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                let is_made = ["node_modules", "dist", "e2e"].iter().any(|made| name.to_str() == Some(made));
                folders.extend((!is_made).then_some(path));
            } else {
                newest = newest.max(modified(&path));
            }
        }
    }
    newest
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_does_not_count_among_what_it_is_built_from() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            modified(&path)
        };
        let source = file("demo/src/main.tsx");
        assert_eq!(newest(folder.path()), source);
        file("demo/dist/index.html");
        file("node_modules/react/index.js");
        assert_eq!(newest(folder.path()), source);
    }
}
