use std::ffi::OsString;

use clap::Args;

use crate::workspace::Workspace;
use crate::{cargo, run, say};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Passed to the benchmark as they are; `--help` shows them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    workspace.require_space()?;
    say::doing("building in release (the first time takes some minutes)");
    let packages = ["bench", "standalone", "gateway", "chat", "exam-grading", "leaderboard", "notification"]
        .map(|name| format!("sinaesta-{name}"));
    let named = packages.iter().flat_map(|name| ["--package", name.as_str()]);
    let args = ["build", "--release"].into_iter().chain(named);
    run::run(cargo::command(&workspace, args)).await?;
    let bin_dir = workspace.bin_dir(true);
    let mut bench = tokio::process::Command::new(bin_dir.join("sinaesta-bench"));
    bench
        .args(options.args)
        .env("SINAESTA_BIN_DIR", bin_dir)
        .env("SINAESTA_TOOLS_DIR", workspace.tools().cache())
        .current_dir(&workspace.root);
    run::run(bench).await
}
