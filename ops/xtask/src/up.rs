use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use crate::workspace::Workspace;
use crate::{cargo, run, say, web};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder for all data [default: .data in the workspace].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The gateway's port; 0 takes any free one. Without it: 3001, or the next free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// The secret that tokens are signed with; without it, one is made once and kept.
    #[arg(long, value_name = "SECRET")]
    jwt_secret: Option<String>,

    /// Build with optimisation: slower to build, faster to run.
    #[arg(long)]
    release: bool,
}

/// Builds while the programs are fetched, then becomes `sinaesta-standalone`, so that signals
/// reach it directly.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    workspace.require_space()?;
    let mut args = vec!["build", "--package", "sinaesta-standalone"];
    args.extend(options.release.then_some("--release"));
    say::doing("building (the first time takes some minutes)");
    let build = run::run(cargo::command(&workspace, args));
    let tools = workspace.tools();
    let fetch = async {
        tools.nats_server(&say::doing).await?;
        tools.postgres(&say::doing).await?;
        anyhow::Ok(())
    };
    tokio::try_join!(build, fetch)?;
    let page = page(&workspace).await;

    let program = workspace.bin_dir(options.release).join("sinaesta-standalone");
    let mut standalone = std::process::Command::new(&program);
    standalone
        .arg("up")
        .arg("--data")
        .arg(options.data.unwrap_or_else(|| workspace.root.join(".data")))
        .env("SINAESTA_TOOLS_DIR", tools.cache());
    if let Some(page) = page {
        standalone.arg("--web").arg(page);
    }
    if let Some(port) = options.port {
        standalone.args(["--port", &port.to_string()]);
    }
    if let Some(secret) = options.jwt_secret {
        // Not among the arguments, which everyone on the machine can read.
        standalone.env("SINAESTA__AUTH__JWT_SECRET", secret);
    }
    let error = standalone.exec();
    Err(anyhow!(error).context(format!("cannot run {}", program.display())))
}

/// The page's folder; everything else runs without it.
async fn page(workspace: &Workspace) -> Option<PathBuf> {
    match web::build(workspace).await {
        Ok(folder) => Some(folder),
        Err(error) => {
            say::doing(&format!("there is no page: {error:#}. Node 20 or newer with npm builds it"));
            None
        }
    }
}
