//! The gateway as a process of its own.

use clap::{Parser, Subcommand};
use sinaesta_settings::Settings;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
#[command(version, about = "Sinaesta's Socket.IO gateway")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Asks the running gateway whether it is ready; for container health checks.
    Healthcheck,
    /// Writes the OpenAPI document of the HTTP routes.
    Openapi,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Command::Openapi) = cli.command {
        print!("{}", sinaesta_gateway::openapi());
        return Ok(());
    }
    let settings = Settings::load(&[])?;
    if let Some(Command::Healthcheck) = cli.command {
        return sinaesta_telemetry::probe(settings.gateway.health_port).await;
    }
    let _telemetry = sinaesta_telemetry::init("gateway", &settings.telemetry)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(sinaesta_telemetry::cancel_on_signal(shutdown.clone()));
    sinaesta_gateway::run(settings, shutdown).await
}
