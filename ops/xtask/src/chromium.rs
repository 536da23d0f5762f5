//! A Chromium for the browser tests: the machine's own, else the distribution's package.

use std::path::PathBuf;

use crate::debian;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const MISSING: &str = "the browser tests need Chromium: install the package `chromium`, or name the program in \
                       SINAESTA_CHROMIUM";

/// The program.
pub(crate) async fn find() -> anyhow::Result<PathBuf> {
    match std::env::var_os("SINAESTA_CHROMIUM").filter(|value| !value.is_empty()) {
        Some(set) => Ok(set.into()),
        None => debian::program(&NAMES, "chromium", MISSING).await,
    }
}
