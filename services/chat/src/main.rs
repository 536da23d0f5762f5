//! The chat service as a process of its own.

use clap::{Parser, Subcommand};
use sinaesta_settings::Settings;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
#[command(version, about = "Sinaesta's chat service")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Asks the running service whether it is ready; for container health checks.
    Healthcheck,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let settings = Settings::load(&[])?;
    if let Some(Command::Healthcheck) = cli.command {
        return sinaesta_telemetry::probe(settings.chat.http_port).await;
    }
    let _telemetry = sinaesta_telemetry::init("chat", &settings.telemetry)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(sinaesta_telemetry::cancel_on_signal(shutdown.clone()));
    sinaesta_chat::run(settings, shutdown).await
}
