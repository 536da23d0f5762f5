//! A Chromium for the browser tests: the machine's own, else the distribution's package.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::{run, say};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const MISSING: &str = "the browser tests need Chromium: install the package `chromium`, or name the program in \
                       SINAESTA_CHROMIUM";

/// The program. As root on a Debian, the package is installed when there is none.
pub(crate) async fn find() -> anyhow::Result<PathBuf> {
    if let Some(set) = std::env::var_os("SINAESTA_CHROMIUM").filter(|value| !value.is_empty()) {
        return Ok(set.into());
    }
    if let Some(found) = on_path(&NAMES) {
        return Ok(found);
    }
    if on_path(&["apt-get"]).is_none() || !nix::unistd::Uid::effective().is_root() {
        bail!(MISSING);
    }
    say::doing("installing chromium");
    for words in [&["update"][..], &["install", "--yes", "--no-install-recommends", "chromium"]] {
        let mut apt = Command::new("apt-get");
        apt.arg("-qq").args(words).env("DEBIAN_FRONTEND", "noninteractive");
        run::run(apt).await.context(MISSING)?;
    }
    on_path(&NAMES).context(MISSING)
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}
