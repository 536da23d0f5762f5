//! Who works on which partition.
//!
//! A work-queue stream allows one consumer for each subject. A partition's consumer is therefore its lease: whoever
//! makes it owns the partition, and the next one begins at the first command that was not acknowledged. When its owner
//! is not heard of any more, another replica removes the consumer and makes its own; should nobody be left to do so,
//! the broker removes it by itself. No order is lost, and no clocks are compared: a replica that was given up wrongly
//! is told by the broker, begins nothing more, and what it still finishes finds itself done elsewhere.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::{self, ErrorCode, Message};
use futures::{StreamExt as _, TryStreamExt as _};
use metrics::{counter, gauge};
use parking_lot::Mutex;
use sinaesta_contracts::{PARTITIONS, Partition, Service, Stream, Subject};
use sinaesta_mutants::mutant;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::DRAIN;
use super::in_flight::InFlight;
use super::replicas::Replicas;
use crate::attempts::AttemptLog;
use crate::waiting::{Backoff, Dependency};
use crate::{Bus, BusError};

/// How often replicas speak and shares are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often the commands that wait are counted.
const COUNT: Duration = Duration::from_secs(2);
/// How long one request for messages stands. A host that freezes keeps its partitions for up to this long.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(4);
/// Between two tries to note whose a partition is.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Redelivery is not left to a timer: a command is retried by its owner, or begun again by the next one.
const ACK_WAIT: Duration = Duration::from_secs(3600);

/// The right to work on a partition, for as long as it is held.
pub(super) struct Lease {
    pub(super) partition: Partition,
    consumer: String,
    held: AtomicBool,
    /// Whether it is about to be handed over: what was begun is finished, and nothing is waited for.
    is_leaving: AtomicBool,
    /// Commands taken and not yet done.
    open: AtomicUsize,
    idle: Notify,
    /// Keys of which something was left to the next owner: nothing that follows may be begun before it.
    left: Mutex<HashSet<u64>>,
    /// Whether the owner before may have ended because of a command that was not run since.
    has_suspects: AtomicBool,
}

impl Lease {
    /// What has this key is left to the next owner of the partition.
    pub(super) fn leave(&self, key: u64) {
        mutant!("bus-key-that-was-left-goes-on", return);
        self.left.lock().insert(key);
    }

    pub(super) fn leaves(&self, key: u64) -> bool {
        self.left.lock().contains(&key)
    }

    /// Whether what was taken under this lease may still be begun.
    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
    }

    /// Whether what was taken may wait for another try.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_held() && !self.is_leaving.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn done(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// A partition that is no longer this replica's.
struct Ended {
    partition: Partition,
    /// Whether its owner before may have ended because of a command that was not run since.
    has_suspects: bool,
}

struct Held {
    lease: Arc<Lease>,
    release: CancellationToken,
}

impl Held {
    /// What was begun is finished, and the partition is handed over.
    fn release(&self) {
        self.lease.is_leaving.store(true, Ordering::Release);
        self.release.cancel();
    }
}

/// A consumer's name: it says who holds which partition.
pub(crate) struct ConsumerName {
    service: String,
    pub(crate) partition: Partition,
    pub(crate) replica: Uuid,
    number: u64,
}

impl fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.service, self.partition.0, self.replica.simple(), self.number)
    }
}

impl ConsumerName {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(4, '-');
        let number = parts.next()?.parse().ok()?;
        let replica = parts.next()?.parse().ok()?;
        let partition = Partition(parts.next()?.parse().ok()?);
        Some(Self { service: parts.next()?.to_owned(), partition, replica, number })
    }
}

/// The leases of one replica.
pub(super) struct Leases {
    bus: Bus,
    service: Service,
    /// The stream of the service's commands.
    stream: String,
    attempts: Arc<dyn AttemptLog>,
    id: Uuid,
    lease: Duration,
    max_batch: usize,
    lanes: Vec<mpsc::Sender<InFlight>>,
    held: HashMap<Partition, Held>,
    readers: TaskTracker,
    ended: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
    /// Partitions that this replica took from one that vanished, and lost before it had run what that one may have ended of.
    unresolved: HashSet<Partition>,
    made: u64,
}

impl Leases {
    pub(super) fn new(
        bus: Bus,
        service: Service,
        attempts: Arc<dyn AttemptLog>,
        lease: Duration,
        max_batch: usize,
        lanes: Vec<mpsc::Sender<InFlight>>,
    ) -> Self {
        Self {
            bus,
            service,
            stream: Stream::Commands(service).to_string(),
            attempts,
            id: Uuid::now_v7(),
            lease,
            max_batch,
            lanes,
            held: HashMap::new(),
            readers: TaskTracker::new(),
            ended: mpsc::unbounded_channel(),
            unresolved: HashSet::new(),
            made: 0,
        }
    }

    /// Holds this replica's share of the partitions until `shutdown`; then everything taken is finished and handed over.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> Result<(), BusError> {
        let mut reconnects = self.bus.reconnects();
        reconnects.mark_unchanged();
        let mut replicas = Replicas::join(&self.bus, self.service, self.id, reconnects.clone()).await?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = interval(COUNT);
        count.set_missed_tick_behavior(MissedTickBehavior::Delay);
        replicas.say(false).await;
        loop {
            tokio::select! {
                // What the others said while something took long is read before anybody counts as gone.
                biased;
                () = shutdown.cancelled() => break,
                () = replicas.listen() => {}
                Some(ended) = self.ended.1.recv() => {
                    self.held.remove(&ended.partition);
                    if ended.has_suspects {
                        self.unresolved.insert(ended.partition);
                    } else {
                        self.unresolved.remove(&ended.partition);
                    }
                }
                Ok(()) = reconnects.changed() => {
                    replicas.begin_anew();
                    self.abandon();
                }
                _ = tick.tick() => {
                    replicas.say(false).await;
                    self.balance(&mut replicas).await;
                }
                _ = count.tick() => self.count_waiting().await,
            }
        }
        replicas.say(true).await;
        self.held.values().for_each(Held::release);
        self.readers.close();
        if tokio::time::timeout(DRAIN, self.readers.wait()).await.is_err() {
            tracing::warn!("not everything taken could be done; the next owner of the partitions will do it");
        }
        replicas.say(true).await;
        Ok(())
    }

    /// After a reconnect nobody knows what was delivered: what was taken and not begun is left to the next lease.
    fn abandon(&self) {
        mutant!("bus-keeps-partitions-over-a-reconnect", return);
        for held in self.held.values() {
            held.lease.held.store(false, Ordering::Release);
            held.release();
        }
    }

    async fn balance(&mut self, replicas: &mut Replicas) {
        let share = replicas.share();
        let active = self.held.values().filter(|held| !held.release.is_cancelled()).count();
        for held in self.held.values().filter(|held| !held.release.is_cancelled()).take(active.saturating_sub(share)) {
            held.release();
        }
        if active < share {
            self.acquire(share - active, replicas).await;
        }
        gauge!("bus_partitions_held", "service" => self.service.as_str()).set(active as f64);
    }

    async fn acquire(&mut self, mut wanted: usize, replicas: &mut Replicas) {
        let taken = match self.consumers().await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::debug!(%error, "no partition can be claimed right now");
                return;
            }
        };
        // Replicas begin at different places, so that they do not all ask for the same partition.
        let offset = (self.id.as_u128() % u128::from(PARTITIONS)) as usize;
        let order: Vec<_> = Partition::all().cycle().skip(offset).take(usize::from(PARTITIONS)).collect();
        for partition in order {
            if wanted == 0 {
                return;
            }
            if self.held.contains_key(&partition) {
                continue;
            }
            if let Some(holder) = taken.get(&partition) {
                // One of our own that is not held is left over from before a reconnect.
                if holder.replica != self.id && !replicas.is_gone(holder.replica) {
                    continue;
                }
                tracing::info!(partition = partition.0, "taking over a partition");
                self.remove(&holder.to_string()).await;
            }
            match self.claim(partition).await {
                Ok(Some((lease, consumer))) => {
                    wanted -= 1;
                    self.read(lease, consumer);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, "no partition can be claimed right now");
                    return;
                }
            }
        }
    }

    /// How much the service has before it: each replica tells the same.
    async fn count_waiting(&self) {
        if let Ok(stream) = self.bus.jetstream().get_stream(&self.stream).await {
            let waiting = stream.cached_info().state.messages;
            gauge!("bus_commands_waiting", "service" => self.service.as_str()).set(waiting as f64);
        }
    }

    /// The consumers of this service's partitions, whoever holds them.
    async fn consumers(&self) -> Result<HashMap<Partition, ConsumerName>, BusError> {
        let failed = |reason: String| BusError::Stream { name: self.stream.clone(), reason };
        let stream = self.bus.jetstream().get_stream_no_info(&self.stream).await.map_err(|e| failed(e.to_string()))?;
        let names: Vec<String> = stream.consumer_names().try_collect().await.map_err(|e| failed(e.to_string()))?;
        let ours = names
            .iter()
            .filter_map(|name| ConsumerName::parse(name))
            .filter(|name| name.service == self.service.as_str());
        Ok(ours.map(|name| (name.partition, name)).collect())
    }

    async fn remove(&self, consumer: &str) {
        if let Err(error) = self.bus.jetstream().delete_consumer_from_stream(consumer, &self.stream).await {
            tracing::debug!(%error, "a consumer is gone already");
        }
    }

    /// Makes the partition's consumer; `None` if another replica has it.
    async fn claim(
        &mut self,
        partition: Partition,
    ) -> Result<Option<(Lease, PullConsumer)>, jetstream::stream::ConsumerError> {
        self.made += 1;
        let service = self.service.as_str().to_owned();
        let name = ConsumerName { service, partition, replica: self.id, number: self.made }.to_string();
        let config = Config {
            name: Some(name.clone()),
            filter_subject: Subject::CommandPartition(self.service, partition).to_string(),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: most_taken(self.max_batch) as i64,
            inactive_threshold: self.lease,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        match self.bus.jetstream().create_consumer_on_stream(config, &self.stream).await {
            Ok(consumer) => {
                let lease = Lease {
                    partition,
                    consumer: name,
                    held: AtomicBool::new(true),
                    is_leaving: AtomicBool::new(false),
                    open: AtomicUsize::new(0),
                    idle: Notify::new(),
                    left: Mutex::default(),
                    has_suspects: AtomicBool::new(self.unresolved.contains(&partition)),
                };
                Ok(Some((lease, consumer)))
            }
            Err(error) => match error.kind() {
                jetstream::stream::ConsumerErrorKind::JetStream(cause)
                    if cause.error_code() == ErrorCode::CONSUMER_WQ_CONSUMER_NOT_UNIQUE =>
                {
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    fn read(&mut self, lease: Lease, mut consumer: PullConsumer) {
        let Some(lane) = self.lanes.get(usize::from(lease.partition.0) % self.lanes.len()).cloned() else { return };
        let lease = Arc::new(lease);
        let release = CancellationToken::new();
        let ended = self.ended.0.clone();
        self.held.insert(lease.partition, Held { lease: Arc::clone(&lease), release: release.clone() });
        let partition = Reader {
            bus: self.bus.clone(),
            service: self.service,
            stream: self.stream.clone(),
            attempts: Arc::clone(&self.attempts),
            replica: self.id,
            max_batch: self.max_batch,
            lane,
        };
        self.readers.spawn(async move {
            tokio::select! {
                () = release.cancelled() => {}
                reason = partition.read(&lease, &consumer) => {
                    tracing::info!(partition = lease.partition.0, reason, "a partition is lost");
                    // Whoever owns the partition next begins with what was not acknowledged, so nothing more is begun here.
                    lease.held.store(false, Ordering::Release);
                }
            }
            lease.drained().await;
            let has_suspects = partition.has_suspects(&lease, &mut consumer).await;
            if !has_suspects {
                partition.hand_over(&lease).await;
            }
            partition.remove(&lease).await;
            ended.send(Ended { partition: lease.partition, has_suspects }).ok();
        });
    }
}

/// Reads one partition for as long as it is this replica's.
struct Reader {
    bus: Bus,
    service: Service,
    stream: String,
    attempts: Arc<dyn AttemptLog>,
    replica: Uuid,
    max_batch: usize,
    lane: mpsc::Sender<InFlight>,
}

impl Reader {
    /// Hands the partition's commands to the worker as they come; returns why there are no more.
    async fn read(&self, lease: &Arc<Lease>, consumer: &PullConsumer) -> String {
        let pull = consumer.stream().max_messages_per_batch(self.max_batch).expires(PULL).heartbeat(HEARTBEAT);
        let mut messages = match pull.messages().await {
            Ok(messages) => messages,
            Err(error) => return error.to_string(),
        };
        // The broker forgets a consumer that nobody asks: it is read while the database notes whose the partition is.
        let (mut early, mut taking_over) = (VecDeque::new(), pin!(self.take_over(lease)));
        let mut suspects = loop {
            tokio::select! {
                suspects = &mut taking_over => break suspects,
                // As many as the broker gives out without an acknowledgement.
                Some(message) = messages.next() => early.push_back(message),
            }
        };
        loop {
            let next = match early.pop_front() {
                Some(message) => Some(message),
                None => messages.next().await,
            };
            match next {
                Some(Ok(message)) => {
                    let is_suspect = suspects.take(&message);
                    if !is_suspect {
                        // Those that are left to be run are marked by themselves.
                        lease.has_suspects.store(false, Ordering::Release);
                    }
                    if self.lane.send(InFlight::new(message, Arc::clone(lease), is_suspect)).await.is_err() {
                        return "the worker is gone".to_owned();
                    }
                }
                Some(Err(error)) => return error.to_string(),
                None => return "the consumer is gone".to_owned(),
            }
        }
    }

    /// Notes whose the partition is now. If its owner before did not hand it over, one of the commands that it had taken
    /// may be why.
    async fn take_over(&self, lease: &Lease) -> Suspects {
        let partition = lease.partition;
        let (mut backoff, mut waits) = (Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), None);
        let is_clean = loop {
            match self.attempts.take_over(partition, self.replica).await {
                Ok(is_clean) => break is_clean,
                Err(reason) if waits.is_none() => {
                    let who = format!("partition {} of {}", partition.0, self.service);
                    waits = Some(self.bus.waiting().begin(who, Dependency::Database, reason.to_string()));
                }
                Err(_) => {}
            }
            tokio::time::sleep(backoff.pause()).await;
        };
        if is_clean && !lease.has_suspects.load(Ordering::Acquire) {
            return Suspects::default();
        }
        lease.has_suspects.store(true, Ordering::Release);
        counter!("bus_unclean_takeovers_total", "service" => self.service.as_str()).increment(1);
        tracing::warn!(
            service = %self.service, partition = partition.0,
            "the last owner of a partition ended without handing it over; what it had taken is run with care"
        );
        // What came after is nobody's doing.
        let last = match self.bus.jetstream().get_stream(&self.stream).await {
            Ok(stream) => stream.cached_info().state.last_sequence,
            Err(_) => u64::MAX,
        };
        Suspects { last, left: most_taken(self.max_batch) }
    }

    /// Whether something is left of what the owner before may have ended of.
    async fn has_suspects(&self, lease: &Lease, consumer: &mut PullConsumer) -> bool {
        if !lease.has_suspects.load(Ordering::Acquire) {
            return false;
        }
        // Everything that was there is done; or nobody can say.
        !consumer.info().await.is_ok_and(|info| info.num_pending == 0 && info.num_ack_pending == 0)
    }

    async fn hand_over(&self, lease: &Lease) {
        mutant!("bus-handover-not-noted", return);
        if let Err(error) = self.attempts.hand_over(lease.partition, self.replica).await {
            tracing::debug!(%error, "the next owner takes the partition for one that was not handed over");
        }
    }

    /// Whoever waits for the partition need not wait for the lease to run out. If this fails, it runs out.
    async fn remove(&self, lease: &Lease) {
        drop(self.bus.jetstream().delete_consumer_from_stream(&lease.consumer, &self.stream).await);
    }
}

/// How many commands of a partition one replica has taken at the most.
const fn most_taken(max_batch: usize) -> usize {
    max_batch * 4
}

/// The commands that the owner before may have taken: the first of those that were stored when it was replaced.
#[derive(Debug, Default)]
struct Suspects {
    last: u64,
    left: usize,
}

impl Suspects {
    fn take(&mut self, message: &Message) -> bool {
        let is_one = self.left > 0 && message.info().is_ok_and(|info| info.stream_sequence <= self.last);
        self.left = if is_one { self.left - 1 } else { 0 };
        is_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumers_name_says_who_holds_what() {
        let name = ConsumerName {
            service: "exam-grading".to_owned(),
            partition: Partition(11),
            replica: Uuid::from_u128(7),
            number: 3,
        };
        let back = ConsumerName::parse(&name.to_string()).unwrap();
        assert_eq!(
            (back.service.as_str(), back.partition, back.replica),
            ("exam-grading", Partition(11), name.replica)
        );
        assert!(ConsumerName::parse("somebody-else").is_none());
    }
}
