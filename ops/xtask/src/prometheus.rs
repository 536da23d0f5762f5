//! Prometheus and its tool, for the tests: the machine's own, else the distribution's package, unpacked beside the other tools.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::{run, say};

const MISSING: &str = "Prometheus is missing: put `prometheus` and `promtool` on the path, or run this on a Debian";

/// The folder that has `prometheus` and `promtool`.
pub(crate) async fn folder(cache: &Path) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_both = |folder: &PathBuf| ["prometheus", "promtool"].iter().all(|name| folder.join(name).is_file());
    let unpacked = cache.join("prometheus/usr/bin");
    if let Some(found) = std::env::split_paths(&path).chain([unpacked.clone()]).find(has_both) {
        return Ok(found);
    }
    say::doing("fetching prometheus");
    let package = cache.join("prometheus.deb");
    if download(&package).await.is_err() {
        // The lists of packages may be missing, as they are in an image.
        run::run(apt(&["update"])).await.context(MISSING)?;
        download(&package).await.context(MISSING)?;
    }
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(&package).arg(cache.join("prometheus"));
    run::run(unpack).await.context(MISSING)?;
    if !has_both(&unpacked) {
        bail!(MISSING);
    }
    Ok(unpacked)
}

/// Only downloaded: installing it would start a server.
async fn download(to: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    run::run_in(&mut apt(&["download", "prometheus"]), folder.path()).await?;
    let file = std::fs::read_dir(folder.path())?.next().context(MISSING)??.path();
    std::fs::create_dir_all(to.parent().context(MISSING)?)?;
    std::fs::copy(file, to)?;
    Ok(())
}

fn apt(words: &[&str]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.arg("-qq").args(words).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
