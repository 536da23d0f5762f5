//! What operators do: look at streams, partitions and dead letters, rebuild what a broker lost, put old messages away.
//!
//! It takes the same settings as the services. With a guarded broker it logs in as `operator`.

mod archive;
mod dead_letters;
mod rebuild;
mod streams;

use clap::{Parser, Subcommand};
use sinaesta_bus::Bus;
use sinaesta_bus::admin::Admin;
use sinaesta_contracts::OPERATOR;
use sinaesta_settings::Settings;

#[derive(Debug, Parser)]
#[command(name = "sinaesta-ops", version, about = "Operates Sinaesta Realtime.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database schema up to date, and let each service at what is its own.
    Migrate,
    /// Show the streams, and how many events wait for whom.
    Streams(streams::Options),
    /// Show which replica owns which partition, and how many commands wait in it.
    Partitions,
    /// What could not be handled, and why.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Tell the services again what happened, after the broker lost its data.
    Rebuild(rebuild::Options),
    /// Write old months of messages into files, and remove them from the database.
    Archive(archive::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let settings = Settings::load(&[])?;
    match cli.command {
        Command::Migrate => {
            let pool = sinaesta_store::connect("migrate", &settings.database).await?;
            Ok(sinaesta_store::migrate(&pool, &settings.database).await?)
        }
        Command::Streams(options) => streams::run(&connect(&settings).await?, &settings, options).await,
        Command::Partitions => streams::partitions(&connect(&settings).await?).await,
        Command::DeadLetters(command) => dead_letters::run(&connect(&settings).await?, command).await,
        Command::Rebuild(options) => {
            rebuild::run(&Bus::connect(OPERATOR, &settings.nats, &settings.bus).await?, options).await
        }
        Command::Archive(options) => archive::run(&settings.database, options).await,
    }
}

async fn connect(settings: &Settings) -> anyhow::Result<Admin> {
    Ok(Admin::new(Bus::connect(OPERATOR, &settings.nats, &settings.bus).await?))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
