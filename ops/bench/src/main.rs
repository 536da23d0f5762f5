//! Puts the platform under load and says how it bears it. `cargo xtask bench` builds and runs it.
//!
//! One thread speaks Engine.IO and Socket.IO over WebSockets for all clients. Whatever is sent is checked: each message
//! once with each receiver, in the order of `seq`; a fault makes the exit code non-zero. To add a measurement: a file
//! in `scenario/` that makes a [`load::Plan`].

mod calibrate;
mod client;
mod cpu;
mod echo;
mod goals;
mod load;
mod process;
mod report;
mod scenario;
mod stack;
mod table;
mod tally;
mod target;
mod turn;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand, ValueEnum as _};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use report::{Report, Row};
use scenario::{Scale, Scenario};
use stack::{Stack, StackOptions};
use tokio::signal::unix::{SignalKind, signal};
use turn::Turn;

#[derive(Debug, Parser)]
#[command(version, about = "Load on Sinaesta's realtime platform, on this machine alone.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to measure; everything without it.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<Scenario>,
    /// Seconds of each measurement.
    #[arg(long, alias = "duration", value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
    /// Measures everything so often and gives the medians.
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    repeat: usize,
    /// How many connect at once and stay idle.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    sockets: usize,
    /// Writes the rows here, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The stack.json of a running stack; the services are started here unless they run there.
    #[arg(long, value_name = "FILE")]
    stack: Option<PathBuf>,
    /// Where a stack started here keeps its data; a temporary folder without it.
    #[arg(long, value_name = "DIR", conflicts_with = "stack")]
    data: Option<PathBuf>,
    /// A setting of the services started here, such as bus.workers=4.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// How many replicas of chat are started here.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    chats: usize,
    /// How many replicas of exam-grading are started here.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    exams: usize,
    /// How many people are on the leaderboards.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    people: u32,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A bare Socket.IO server that acknowledges and broadcasts: what the library alone costs.
    EchoServer {
        /// 0 takes any free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        // As many threads as the gateway has.
        Some(Command::EchoServer { port }) => {
            runtime(&mut tokio::runtime::Builder::new_multi_thread(), echo::serve(port)).map(|()| true)
        }
        // One thread costs the least, and the machine is shared with what is measured.
        None => runtime(&mut tokio::runtime::Builder::new_current_thread(), bench(cli)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime<T>(
    builder: &mut tokio::runtime::Builder,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    builder.enable_all().build()?.block_on(work)
}

/// True when nothing was lost, repeated, out of order or refused.
async fn bench(cli: Cli) -> anyhow::Result<bool> {
    let options = StackOptions {
        attach: cli.stack.clone(),
        data: cli.data.clone(),
        settings: cli.set.clone(),
        chats: cli.chats,
        exams: cli.exams,
    };
    let mut stack = Stack::new(options)?;
    let outcome = tokio::select! {
        outcome = measure(&cli, &mut stack) => outcome,
        stopped = interrupted() => stopped.and_then(|()| bail!("interrupted")),
    };
    stack.stop().await;
    outcome
}

async fn measure(cli: &Cli, stack: &mut Stack) -> anyhow::Result<bool> {
    let all = Scenario::value_variants().iter().copied();
    let wanted: Vec<Scenario> = all.filter(|one| cli.only.is_empty() || cli.only.contains(one)).collect();
    let scale =
        Scale { duration: Duration::from_secs_f64(cli.seconds.max(0.5)), sockets: cli.sockets, people: cli.people };
    let mut report = Report::new(cli.repeat.max(1));
    let _turn = Turn::take(&turn::place()).await;
    if wanted.iter().any(|one| one.needs_stack()) {
        eprintln!("starting the stack");
        stack.start().await?;
    }
    println!("{}", table::head(&report));
    for scenario in &wanted {
        let mut measured: Vec<Vec<Row>> = Vec::new();
        for _ in 0..report.repeat {
            for row in scenario::run(*scenario, stack, &scale).await? {
                match measured.iter_mut().find(|same| same.first().is_some_and(|one| one.case == row.case)) {
                    Some(same) => same.push(row),
                    None => measured.push(vec![row]),
                }
            }
        }
        for mut row in measured.iter().filter_map(|rows| Row::median(rows)) {
            row.goals = goals::of(&row, &report.rows);
            println!("{}", table::row(&row));
            report.rows.push(row);
        }
    }
    println!("{}", table::foot(&report));
    if let Some(file) = &cli.json {
        report.write(file)?;
    }
    Ok(report.is_faultless())
}

async fn interrupted() -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
