//! The chat service as a process of its own.

use sinaesta_contracts::Service;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    sinaesta_service::main(
        Service::Chat,
        "Sinaesta's chat service",
        |settings| settings.chat.http_port,
        sinaesta_chat::run,
    )
    .await
}
