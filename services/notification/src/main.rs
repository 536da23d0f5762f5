//! The notification service as a process of its own.

use sinaesta_contracts::Service;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    sinaesta_service::main(
        Service::Notification,
        "Sinaesta's notification service",
        |settings| settings.notifications.http_port,
        sinaesta_notification::run,
    )
    .await
}
