//! A service as a process of its own.

use clap::Command;
use sinaesta_contracts::Service;
use sinaesta_settings::Settings;
use tokio_util::sync::CancellationToken;

/// Reads the command line and the settings, then runs the service until a signal stops it; with `healthcheck`, asks the
/// running one whether it is ready.
pub async fn main<F>(
    service: Service,
    about: &'static str,
    health_port: fn(&Settings) -> u16,
    run: fn(Settings, CancellationToken) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let matches = cli(service, about).get_matches();
    let settings = Settings::load(&[])?;
    if matches.subcommand_name() == Some("healthcheck") {
        return sinaesta_telemetry::probe(health_port(&settings)).await;
    }
    let _telemetry = sinaesta_telemetry::init(service.as_str(), &settings.telemetry)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(sinaesta_telemetry::cancel_on_signal(shutdown.clone()));
    run(settings, shutdown).await
}

fn cli(service: Service, about: &'static str) -> Command {
    let healthcheck =
        Command::new("healthcheck").about("Asks the running service whether it is ready; for container health checks");
    Command::new(service.as_str()).version(env!("CARGO_PKG_VERSION")).about(about).subcommand(healthcheck)
}
