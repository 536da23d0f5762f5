use clap::Args;

use crate::workspace::Workspace;
use crate::{cargo, run};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only compare: fail when a committed file differs from what would be written.
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    generate(&Workspace::find()?, options.check).await
}

/// Writes, or with `check` compares, everything that is generated from the contract.
pub(crate) async fn generate(workspace: &Workspace, check: bool) -> anyhow::Result<()> {
    let args = ["run", "--quiet", "--package", "sinaesta-contracts", "--example", "generate", "--"];
    let mut generate = cargo::command(workspace, args);
    if check {
        generate.arg("--check");
    }
    run::run(generate).await
}
