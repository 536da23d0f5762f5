use anyhow::{Context as _, bail};
use clap::Args;
use tokio::process::Command;

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

/// Writes, or with `check` compares, everything that is generated: from the contract, and from the settings.
pub(crate) async fn generate(workspace: &Workspace, check: bool) -> anyhow::Result<()> {
    cargo::build_all(workspace).await?;
    let mut generate = Command::new(workspace.bin_dir(false).join("examples/generate"));
    generate.current_dir(&workspace.root);
    if check {
        generate.arg("--check");
    }
    run::run(generate).await?;
    update(workspace, "shared/contracts/generated/openapi.json", &openapi(workspace).await?, check)?;
    update(workspace, "docs/settings.md", sinaesta_settings::reference()?.as_bytes(), check)
}

/// The document of the HTTP routes, which the gateway makes from them.
async fn openapi(workspace: &Workspace) -> anyhow::Result<Vec<u8>> {
    let gateway = workspace.bin_dir(false).join("sinaesta-gateway");
    let output = Command::new(gateway).arg("openapi").stderr(std::process::Stdio::inherit()).output().await?;
    if !output.status.success() {
        bail!("the OpenAPI document can't be made");
    }
    Ok(output.stdout)
}

/// Writes a file that differs, or with `check` fails because of it.
fn update(workspace: &Workspace, file: &str, content: &[u8], check: bool) -> anyhow::Result<()> {
    let path = workspace.root.join(file);
    if std::fs::read(&path).is_ok_and(|committed| committed == content) {
        return Ok(());
    }
    if check {
        bail!("{file} is not up to date: run `cargo xtask codegen`");
    }
    std::fs::write(&path, content).with_context(|| path.display().to_string())?;
    println!("wrote {}", path.display());
    Ok(())
}
