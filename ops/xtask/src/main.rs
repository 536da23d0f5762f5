//! The workspace's own commands: `cargo xtask <command>`.

mod bench;
mod cargo;
mod chromium;
mod codegen;
mod compose;
mod dashboards;
mod debian;
#[cfg(test)]
mod documents;
mod e2e;
mod mutants;
mod node;
mod ops;
mod prepare;
mod prometheus;
mod python;
mod run;
mod say;
mod step;
mod test;
mod up;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Runs, tests and measures the workspace.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole platform on this machine until Ctrl-C.
    Up(up::Options),
    /// Check and test everything, against a real NATS and Postgres.
    Test(test::Options),
    /// Plant bugs one at a time, and say which of them the tests notice.
    Mutants(mutants::Options),
    /// Write what the compiler needs to know of the database into .sqlx.
    Prepare(prepare::Options),
    /// Write the files that are generated from the contract and the settings.
    Codegen(codegen::Options),
    /// Picture every page, light and dark, on a desktop and a phone.
    Shots(web::Options),
    /// Picture every dashboard, with the metrics of a real stack.
    Dashboards(dashboards::Options),
    /// Build and run the benchmark in release.
    Bench(bench::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let work = async {
        match cli.command {
            Command::Up(options) => up::run(options).await,
            Command::Test(options) => test::run(options).await,
            Command::Mutants(options) => mutants::run(options).await,
            Command::Prepare(options) => prepare::run(options).await,
            Command::Codegen(options) => codegen::run(options).await,
            Command::Shots(options) => web::shots(options).await,
            Command::Dashboards(options) => dashboards::run(options).await,
            Command::Bench(options) => bench::run(options).await,
        }
    };
    // Dropping the work ends the process groups it started, and NATS and Postgres.
    let result = tokio::select! {
        result = work => result,
        () = stopped() => {
            eprintln!("stopped");
            return ExitCode::from(130);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Completes at SIGINT or SIGTERM.
async fn stopped() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
