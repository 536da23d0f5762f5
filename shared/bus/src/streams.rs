//! The four streams. Whoever connects first makes them; a change here is applied at the next start.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, RetentionPolicy, StorageType};
use sinaesta_contracts::Subject;

use crate::BusError;

/// Commands wait here until their effect is durable: a work queue on disk.
pub const COMMANDS: &str = "COMMANDS";
/// What happened, for the services that listen.
pub const EVENTS: &str = "EVENTS";
/// What sockets must hear; in memory, for as long as a gateway may need to fill a gap.
pub const DELIVERIES: &str = "DELIVERIES";
/// What could not be handled, with the reason.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

const MIB: i64 = 1024 * 1024;
/// Repeats within this time are dropped by the broker.
const REPEATS: Duration = Duration::from_secs(120);
/// How often and after what pause a stream that can't be made is tried again.
const ATTEMPTS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(200);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) async fn ensure(jetstream: &Context, replicas: usize) -> Result<(), BusError> {
    let base = Config { num_replicas: replicas, duplicate_window: REPEATS, ..Config::default() };
    let streams = [
        Config {
            name: COMMANDS.into(),
            subjects: vec![Subject::AllCommands.to_string()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            // A full queue refuses new commands: their senders hear of it, and nothing accepted is thrown away.
            discard: DiscardPolicy::New,
            max_bytes: 2048 * MIB,
            ..base.clone()
        },
        Config {
            name: EVENTS.into(),
            subjects: vec![Subject::AllEvents.to_string()],
            storage: StorageType::File,
            max_age: 7 * DAY,
            max_bytes: 1024 * MIB,
            ..base.clone()
        },
        Config {
            name: DELIVERIES.into(),
            subjects: vec![Subject::AllDeliveries.to_string()],
            storage: StorageType::Memory,
            max_age: Duration::from_secs(300),
            max_bytes: 256 * MIB,
            allow_direct: true,
            republish: Some(Republish {
                source: Subject::AllDeliveries.to_string(),
                destination: Subject::AllLive.to_string(),
                headers_only: false,
            }),
            ..base.clone()
        },
        Config {
            name: DEAD_LETTERS.into(),
            subjects: vec![Subject::AllDeadLetters.to_string()],
            storage: StorageType::File,
            max_age: 30 * DAY,
            max_bytes: 512 * MIB,
            ..base
        },
    ];
    for config in streams {
        create(jetstream, config).await?;
    }
    Ok(())
}

/// Processes that start together make the same stream together, and the broker counts the room of each for a moment:
/// whoever does not get through finds the stream a little later.
async fn create(jetstream: &Context, config: Config) -> Result<(), BusError> {
    let mut attempts = 0;
    loop {
        let Err(error) = jetstream.create_or_update_stream(config.clone()).await else { return Ok(()) };
        attempts += 1;
        if attempts == ATTEMPTS {
            return Err(BusError::Stream { name: config.name, reason: error.to_string() });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
