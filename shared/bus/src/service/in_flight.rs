//! A command between the broker and its acknowledgement.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use async_nats::jetstream::Message;
use sinaesta_contracts::subject;
use sinaesta_mutants::mutant;
use tokio::time::Instant;

use super::lease::Lease;
use crate::headers;

/// A command as it came, with the lease under which it was taken.
pub(super) struct InFlight {
    pub(super) message: Message,
    pub(super) lease: Arc<Lease>,
    key: u64,
    /// Whether the owner before may have ended because of it.
    pub(super) is_suspect: bool,
    /// Since when something that it needs is held by another.
    pub(super) held_since: Option<Instant>,
}

impl InFlight {
    pub(super) fn new(message: Message, lease: Arc<Lease>, is_suspect: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        // What keeps its order: the key, or where there is none the whole partition.
        match headers::text(message.headers.as_ref(), headers::KEY) {
            Some(key) => key.hash(&mut hasher),
            None => lease.partition.0.hash(&mut hasher),
        }
        lease.take();
        Self { message, lease, key: hasher.finish(), is_suspect, held_since: None }
    }

    /// Whether it may be begun: its partition is still this replica's, and nothing before it under its key was left to the
    /// next owner.
    pub(super) fn may_begin(&self) -> bool {
        (self.lease.is_held() || mutant!("bus-runs-what-it-lost")) && !self.lease.leaves(self.key)
    }

    pub(super) fn name(&self) -> &str {
        subject::parse_command(&self.message.subject).map_or("", |(name, _)| name)
    }

    /// The same for all commands that keep their order. (Should two keys share one, those keep theirs as well.)
    pub(super) const fn key(&self) -> u64 {
        self.key
    }

    /// Its name in the attempt log: the command's id, or its place in the stream for what has none.
    pub(super) fn log_name(&self) -> String {
        headers::command_id(self.message.headers.as_ref())
            .map_or_else(|| format!("seq-{}", self.sequence()), |id| id.to_string())
    }

    /// Its place in the stream.
    pub(super) fn sequence(&self) -> u64 {
        self.message.info().map(|info| info.stream_sequence).unwrap_or_default()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.lease.done();
    }
}
