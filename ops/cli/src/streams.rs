//! Streams, who hears events, who owns partitions.

use clap::Args;
use sinaesta_bus::admin::Admin;
use sinaesta_settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Set the streams up as this version wants them; services that find them otherwise say so when they start.
    #[arg(long)]
    apply: bool,
}

pub(crate) async fn run(admin: &Admin, settings: &Settings, options: Options) -> anyhow::Result<()> {
    if options.apply {
        admin.apply_streams(settings.nats.stream_replicas).await?;
    }
    println!("{:<24} {:>12} {:>10} {:>10} {:>9}  since", "stream", "messages", "MiB", "at most", "consumers");
    for stream in admin.streams().await? {
        let mib = |bytes: f64| format!("{:.1}", bytes / 1_048_576.0);
        println!(
            "{:<24} {:>12} {:>10} {:>10} {:>9}  {}",
            stream.name,
            stream.messages,
            mib(stream.bytes as f64),
            mib(stream.max_bytes as f64),
            stream.consumers,
            stream.created,
        );
    }
    println!("\n{:<52} {:>9} {:>9} {:>11}", "events of", "waiting", "taken", "given again");
    for one in admin.hearings().await? {
        println!("{:<52} {:>9} {:>9} {:>11}", one.consumer, one.waiting, one.taken, one.redelivered);
    }
    Ok(())
}

/// A partition without an owner is a fault, if a replica of its service runs.
pub(crate) async fn partitions(admin: &Admin) -> anyhow::Result<()> {
    println!("{:<14} {:>9}  {:<36} {:>9} {:>7}", "service", "partition", "replica", "waiting", "taken");
    for owner in admin.partitions().await? {
        let replica = owner.replica.map_or_else(|| "nobody".to_owned(), |replica| replica.to_string());
        println!(
            "{:<14} {:>9}  {:<36} {:>9} {:>7}",
            owner.service.as_str(),
            owner.partition.0,
            replica,
            owner.waiting,
            owner.taken,
        );
    }
    Ok(())
}
