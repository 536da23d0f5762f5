//! The leaderboard service as a process of its own.

use sinaesta_contracts::Service;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    sinaesta_service::main(
        Service::Leaderboard,
        "Sinaesta's leaderboard service",
        |settings| settings.leaderboard.http_port,
        sinaesta_leaderboard::run,
    )
    .await
}
