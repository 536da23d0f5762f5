use std::ffi::{OsStr, OsString};

use tokio::process::Command;

use crate::run;
use crate::workspace::Workspace;

/// The cargo that runs us, or the one on `PATH`.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `cargo <args>` in the workspace.
pub(crate) fn command<I>(workspace: &Workspace, args: I) -> Command
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let mut command = Command::new(program());
    command.args(args).current_dir(&workspace.root);
    // What cargo sets for us describes this package, not those being built; build scripts would
    // run again because of it.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" || name == "CARGO_MANIFEST_PATH"
        }) {
            command.env_remove(name);
        }
    }
    command
}

/// The arguments of a build of all that tests need, as `cargo test` does it: the programs are those of the same compilation. A
/// package by itself, or programs without the tests' dependencies, would have other features and so other dependencies.
pub(crate) const BUILD_ALL: [&str; 3] = ["build", "--workspace", "--all-targets"];

/// Builds all that tests need, and lints it: a warning is an error.
pub(crate) async fn build_all(workspace: &Workspace) -> anyhow::Result<()> {
    run::run(for_tests(workspace, BUILD_ALL)).await
}

/// `cargo <args>` for what is tested: with the planted bugs compiled in and by the compiler that lints, so that lints, tests and
/// bugs are one build. The programs of that compiler are not as fast as others: they are for tests only.
pub(crate) fn for_tests<const N: usize>(workspace: &Workspace, args: [&str; N]) -> Command {
    let mut command = command(workspace, args);
    command.args(["--features", "sinaesta-mutants/planted"]);
    // As `cargo clippy -- -D warnings` does it, which can only check.
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    command
}
