//! Pictures of the dashboards: a real stack, a real Prometheus that reads it, and Grafana's own components in a browser.

use std::path::PathBuf;

use clap::Args;

use crate::node::{install, npm};
use crate::workspace::Workspace;
use crate::{chromium, e2e, run, say};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the pictures go; made if need be.
    #[arg(long, value_name = "DIR", default_value = "screenshots")]
    out: PathBuf,
}

/// A picture of every dashboard, with what a stack did for 100 seconds.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let out = std::path::absolute(options.out)?;
    let workspace = Workspace::find()?;
    let folder = workspace.root.join("ops/grafana/pictures");
    let node = workspace.tools().node(&say::doing).await?;
    let chromium = chromium::find().await?;
    install(&node, &folder).await?;
    run::run(npm(&node, &folder, &["run", "build"])?).await?;
    let mut test = e2e::command(&workspace, &["metrics.test.mjs".into()]).await?;
    test.env("SINAESTA_DASHBOARDS", &out).env("SINAESTA_CHROMIUM", chromium);
    run::run(test).await?;
    println!("the pictures are in {}", out.display());
    Ok(())
}
