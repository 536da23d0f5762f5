//! Programs that the tests need and that only a distribution packages: the machine's own, else installed on a Debian.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::{run, say};

/// The first of `names` on the path. As root on a Debian, `package` is installed when there is none.
pub(crate) async fn program(names: &[&str], package: &str, missing: &'static str) -> anyhow::Result<PathBuf> {
    if let Some(found) = on_path(names) {
        return Ok(found);
    }
    if on_path(&["apt-get"]).is_none() || !nix::unistd::Uid::effective().is_root() {
        bail!(missing);
    }
    say::doing(&format!("installing {package}"));
    for words in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
        let mut apt = Command::new("apt-get");
        apt.arg("-qq").args(words).env("DEBIAN_FRONTEND", "noninteractive");
        run::run(apt).await.context(missing)?;
    }
    on_path(names).context(missing)
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian puts servers is not on everybody's path.
    let folders: Vec<_> = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}
