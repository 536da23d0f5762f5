//! How the replicas of a service know of each other, and so what share of the partitions is each one's.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use sinaesta_contracts::{PARTITIONS, Service, Subject};
use sinaesta_mutants::mutant;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Bus, BusError};

/// Said by every replica several times a second.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Alive {
    id: Uuid,
    leaving: bool,
}

/// After this long without a word a replica counts as gone.
const SILENCE: Duration = Duration::from_millis(1_000);

/// The replicas heard of lately.
pub(super) struct Replicas {
    bus: Bus,
    service: Service,
    id: Uuid,
    heard: HashMap<Uuid, Instant>,
    words: BoxStream<'static, Alive>,
    reconnects: watch::Receiver<u64>,
    listening_since: Instant,
}

impl Replicas {
    /// Whoever follows `reconnects` says of each by [`Self::begin_anew`] that it was noticed.
    pub(super) async fn join(
        bus: &Bus,
        service: Service,
        id: Uuid,
        reconnects: watch::Receiver<u64>,
    ) -> Result<Self, BusError> {
        let words = bus.receive_signals(Subject::Replicas(service)).await?;
        let (bus, heard, listening_since) = (bus.clone(), HashMap::new(), Instant::now());
        Ok(Self { bus, service, id, heard, words, reconnects, listening_since })
    }

    pub(super) async fn say(&mut self, leaving: bool) {
        self.bus.send_signal(Subject::Replicas(self.service), &Alive { id: self.id, leaving }).await;
    }

    /// The next word of another replica.
    pub(super) async fn listen(&mut self) {
        match self.words.next().await {
            Some(word) if word.id == self.id => {}
            Some(word) if word.leaving => drop(self.heard.remove(&word.id)),
            Some(word) => drop(self.heard.insert(word.id, Instant::now())),
            None => std::future::pending().await,
        }
    }

    /// Whether a replica has not been heard of for so long that what it held may be taken.
    pub(super) fn is_gone(&self, replica: Uuid) -> bool {
        mutant!("bus-dead-replica-keeps-its-partitions", return false);
        // What was asked of the broker while it was away is answered the moment it is back, before anybody can be heard, and
        // maybe before it is noticed that it is.
        let is_back = self.reconnects.has_changed().unwrap_or(true);
        !is_back && !self.heard.contains_key(&replica) && self.listening_since.elapsed() > SILENCE
    }

    /// While the broker was away nobody could be heard.
    pub(super) fn begin_anew(&mut self) {
        self.reconnects.mark_unchanged();
        mutant!("bus-unheard-after-a-reconnect-is-gone", return);
        self.listening_since = Instant::now();
    }

    /// How many partitions are this replica's to hold at the most.
    pub(super) fn share(&mut self) -> usize {
        self.heard.retain(|_, at| at.elapsed() < SILENCE);
        mutant!("bus-first-replica-keeps-all", return PARTITIONS.into());
        usize::from(PARTITIONS).div_ceil(self.heard.len() + 1)
    }
}
