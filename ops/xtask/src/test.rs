use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use sinaesta_localstack::{Postgres, PostgresOptions};
use tempfile::TempDir;

use crate::step::{Step, Summary};
use crate::workspace::Workspace;
use crate::{cargo, codegen, compose, e2e, mutants, ops, prepare, run, say, web};

/// How many unit tests of a crate run at a time.
const UNIT_THREADS: &str = "6";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only these steps, split by commas.
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    only: Vec<Step>,
}

/// Runs the steps in order, stops at the first that fails, and ends with a table.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    workspace.require_space()?;
    let steps = Step::in_order(&options.only);
    let mut summary = Summary::default();
    let mut result = Ok(());
    for step in steps {
        let name = step.name();
        if result.is_err() {
            summary.not_run(&name);
        } else {
            result = summary.add(&name, run_step(step, &workspace)).await;
        }
    }
    println!("\n{}", summary.table());
    result
}

async fn run_step(step: Step, workspace: &Workspace) -> anyhow::Result<()> {
    match step {
        Step::Fmt => run::run(cargo::command(workspace, ["fmt", "--all", "--check"])).await,
        Step::Build => cargo::build_all(workspace).await,
        Step::Codegen => codegen::generate(workspace, true).await,
        Step::Prepare => prepare::check(workspace).await,
        Step::Unit => unit(workspace).await,
        Step::Web => web::check(workspace).await,
        Step::Ops => ops::check(workspace).await,
        Step::E2e => e2e::run(workspace).await,
        Step::Mutants => mutants::sample(workspace).await,
        Step::Compose => compose::run(workspace).await,
        Step::Browser => web::browser(workspace).await,
    }
}

/// `cargo test` with a Postgres of its own and the program to start a NATS from.
async fn unit(workspace: &Workspace) -> anyhow::Result<()> {
    let database = ScratchPostgres::start(workspace).await?;
    let mut test = cargo::for_tests(workspace, ["test", "--workspace"]);
    // Most of them wait for a database or a broker.
    test.env("RUST_TEST_THREADS", UNIT_THREADS);
    test.envs(environment(workspace, &database).await?);
    let result = run::run(test).await;
    database.stop().await;
    result
}

/// What unit tests ask for.
pub(crate) async fn environment(
    workspace: &Workspace,
    database: &ScratchPostgres,
) -> anyhow::Result<[(&'static str, OsString); 3]> {
    let nats = workspace.tools().nats_server(&say::doing).await?;
    Ok([
        ("SINAESTA_TEST_DATABASE_URL", database.postgres.url("postgres").into()),
        ("SINAESTA_TEST_NATS_SERVER", nats.into()),
        ("SINAESTA_TOOLS_DIR", workspace.tools().cache().into()),
    ])
}

/// A Postgres whose data is thrown away afterwards.
pub(crate) struct ScratchPostgres {
    // Before the folder: ended before its data goes.
    pub(crate) postgres: Postgres,
    data_dir: PathBuf,
    folder: TempDir,
}

impl ScratchPostgres {
    pub(crate) async fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let waiting = say::Waiting::for_("starting a scratch Postgres");
        let programs = workspace.tools().postgres(&|line| waiting.now(line)).await?;
        let folder = open_temp_dir()?;
        let mut options = PostgresOptions::new(programs, folder.path().join("postgres"));
        // Nothing here has to survive the machine.
        options.settings = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"].map(str::to_owned).to_vec();
        options.max_connections = 400;
        let postgres = Postgres::start(options).await?;
        let data_dir = postgres.data_dir().to_path_buf();
        Ok(Self { postgres, data_dir, folder })
    }

    pub(crate) async fn stop(self) {
        self.postgres.stop().await;
        // Elsewhere than in the folder when Postgres's user could not reach that.
        let _ = std::fs::remove_dir_all(&self.data_dir);
        let _ = self.folder.close();
    }
}

/// A temporary folder that other users may pass through.
fn open_temp_dir() -> anyhow::Result<TempDir> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::Builder::new().prefix("sinaesta-").tempdir();
    let folder = folder.context("no temporary folder could be made")?;
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    Ok(folder)
}
