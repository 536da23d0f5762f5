//! Node and what is installed with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sinaesta_localstack::Node;
use tokio::process::Command;

use crate::run;

/// `npm ci` in a folder, unless what it would install is there already.
pub(crate) async fn install(node: &Node, folder: &Path) -> anyhow::Result<()> {
    let newest = |path: PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let wanted = newest(folder.join("package-lock.json"));
    let installed = newest(folder.join("node_modules/.package-lock.json"));
    if wanted.is_some() && installed >= wanted {
        return Ok(());
    }
    let install = run::run(npm(node, folder, &["ci", "--no-audit", "--no-fund"])?).await;
    install.with_context(|| format!("the packages of {} could not be installed", folder.display()))
}

/// npm in a folder, with our Node first on its path.
pub(crate) fn npm(node: &Node, folder: &Path, args: &[&str]) -> anyhow::Result<Command> {
    let words = node.npm();
    let (program, script) = words.split_first().context("npm has no name")?;
    let mut npm = Command::new(program);
    npm.args(script).args(args).current_dir(folder).env("PATH", path_with(node.folder())?);
    Ok(npm)
}

/// The path with a folder before all others.
pub(crate) fn path_with(first: &Path) -> anyhow::Result<OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).context("PATH cannot be extended")
}
