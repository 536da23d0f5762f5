use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use sinaesta_localstack::{Tools, free_bytes};

/// What a first build of everything takes, with room for the data.
const BUILD_BYTES: u64 = 2_000_000_000;

/// Where things are.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> anyhow::Result<Self> {
        let output = Command::new(crate::cargo::program())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("cargo metadata could not be read")
    }

    /// The folder that `cargo build` puts programs into.
    pub(crate) fn bin_dir(&self, release: bool) -> PathBuf {
        self.target.join(if release { "release" } else { "debug" })
    }

    pub(crate) fn tools(&self) -> Tools {
        match std::env::var_os("SINAESTA_TOOLS_DIR") {
            Some(_) => Tools::from_env(),
            None => Tools::new(self.target.join("tools")),
        }
    }

    /// A first build needs space; one that has been built already needs hardly any.
    pub(crate) fn require_space(&self) -> anyhow::Result<()> {
        let built = self.bin_dir(false).join("sinaesta-standalone").exists();
        let needed = if built { BUILD_BYTES / 10 } else { BUILD_BYTES };
        let free = free_bytes(&self.target)?;
        if free < needed {
            bail!(
                "{} has {} MB free and the build needs {} MB: free some space, or set CARGO_TARGET_DIR to a folder with more",
                self.target.display(),
                free / 1_000_000,
                needed / 1_000_000,
            );
        }
        Ok(())
    }
}
