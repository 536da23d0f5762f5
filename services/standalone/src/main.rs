//! Every service in one process, with a NATS and a Postgres of its own: no containers needed.
//!
//! `up` runs the whole platform; `infra` only NATS and Postgres, for services started as separate
//! processes. Both write `stack.json` into the data folder once everything is ready and remove it
//! when they stop.

mod banner;
mod cli;
mod gateway_port;
mod infra;
mod run;
mod seed;
mod services;
mod shutdown;
mod stack;
mod tokens;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let result = match cli.command {
        cli::Command::Up(options) => run::up(options).await,
        cli::Command::Infra(options) => run::infra(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
