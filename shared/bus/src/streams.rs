//! The streams. Whoever connects first makes them; a change here is applied at the next start of whoever may change them.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, RetentionPolicy, StorageType};
use sinaesta_contracts::{Stream, Subject};

use crate::BusError;

const MIB: i64 = 1024 * 1024;
/// Repeats within this time are dropped by the broker.
const REPEATS: Duration = Duration::from_secs(120);
/// How often and after what pause a stream that can't be made is tried again.
const ATTEMPTS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(200);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes those that do not exist.
pub(crate) async fn ensure(jetstream: &Context, replicas: usize) -> Result<(), BusError> {
    for stream in Stream::all() {
        create(jetstream, config(stream, replicas)).await?;
    }
    Ok(())
}

/// How a stream is set up; what it holds, and for how long, is decided here and nowhere else.
fn config(stream: Stream, replicas: usize) -> Config {
    let base = Config {
        name: stream.to_string(),
        num_replicas: replicas,
        duplicate_window: REPEATS,
        storage: StorageType::File,
        ..Config::default()
    };
    match stream {
        // A work queue on disk.
        Stream::Commands(service) => Config {
            subjects: vec![Subject::Commands(service).to_string()],
            retention: RetentionPolicy::WorkQueue,
            // A full queue refuses new commands: their senders hear of it, and nothing accepted is thrown away.
            discard: DiscardPolicy::New,
            max_bytes: 512 * MIB,
            ..base
        },
        Stream::Events => {
            Config { subjects: vec![Subject::AllEvents.to_string()], max_age: 7 * DAY, max_bytes: 1024 * MIB, ..base }
        }
        // In memory, for as long as a gateway may need to fill a gap.
        Stream::Deliveries => Config {
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
            ..base
        },
        Stream::DeadLetters => Config {
            subjects: vec![Subject::AllDeadLetters.to_string()],
            max_age: 30 * DAY,
            max_bytes: 512 * MIB,
            ..base
        },
    }
}

/// Processes that start together make the same stream together, and the broker counts the room of each for a moment:
/// whoever does not get through finds the stream a little later.
async fn create(jetstream: &Context, config: Config) -> Result<(), BusError> {
    let mut attempts = 0;
    loop {
        match jetstream.get_stream(&config.name).await {
            Ok(found) => {
                // Services may not change streams; operators may.
                if !is_as_wanted(&found.cached_info().config, &config) {
                    let stream = config.name;
                    tracing::warn!(stream, "was set up by another version; `sinaesta-ops streams --apply` changes it");
                }
                return Ok(());
            }
            Err(_) if jetstream.create_stream(config.clone()).await.is_ok() => return Ok(()),
            Err(error) if attempts == ATTEMPTS => {
                return Err(BusError::Stream { name: config.name, reason: error.to_string() });
            }
            Err(_) => attempts += 1,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a stream is as we would make it; the broker fills in what we leave open.
fn is_as_wanted(found: &Config, wanted: &Config) -> bool {
    let decided = |config: &Config| {
        let Config { subjects, max_bytes, max_age, num_replicas, duplicate_window, .. } = config.clone();
        (subjects, max_bytes, max_age, num_replicas, duplicate_window)
    };
    decided(found) == decided(wanted)
}

/// Makes the streams as this version wants them, for those who may.
pub(crate) async fn apply(jetstream: &Context, replicas: usize) -> Result<(), BusError> {
    for stream in Stream::all() {
        let config = config(stream, replicas);
        let name = config.name.clone();
        let done = jetstream.create_or_update_stream(config).await;
        done.map_err(|error| BusError::Stream { name, reason: error.to_string() })?;
    }
    Ok(())
}
