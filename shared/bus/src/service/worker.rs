//! Takes whatever waits and runs it, round by round: one round at a time while rounds are quick, others beside one that
//! takes long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use sinaesta_mutants::mutant;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::in_flight::InFlight;
use super::queue::{Queue, Queued};
use super::round::{Ended, Parked, Runner};

/// After this long a round no longer holds up what has other keys.
const SLOW: Duration = Duration::from_millis(100);
/// How many rounds of one worker may be run side by side then.
const SIDE_BY_SIDE: usize = 4;

/// How many bytes of commands one worker holds that wait, whether or not they could be run now.
const MOST_BYTES: usize = 64 << 20;

/// What is run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// A name that has a handler; empty: it has none.
    pub(super) name: &'static str,
    /// Whether it is suspected of having ended a process.
    pub(super) is_suspect: bool,
    /// At most so many.
    pub(super) most: usize,
}

/// A command in the queue, with its kind.
struct Waiting {
    kind: Kind,
    command: InFlight,
}

impl Queued for Waiting {
    type Kind = Kind;

    fn kind(&self) -> Kind {
        self.kind
    }

    fn key(&self) -> u64 {
        self.command.key()
    }

    fn bytes(&self) -> usize {
        self.command.message.payload.len()
    }
}

/// One of a replica's workers.
pub(super) struct Worker {
    runner: Arc<Runner>,
    queue: Queue<Waiting>,
    running: FuturesUnordered<BoxFuture<'static, (usize, Ended)>>,
    /// When each round that is being run was begun, by its number.
    begun: HashMap<usize, Instant>,
    /// Commands that failed and are tried again alone; their keys stay busy.
    parked: Vec<(Kind, Parked)>,
    rounds: usize,
}

impl Worker {
    pub(super) fn new(runner: Runner) -> Self {
        Self {
            runner: Arc::new(runner),
            queue: Queue::new(),
            running: FuturesUnordered::new(),
            begun: HashMap::new(),
            parked: Vec::new(),
            rounds: 0,
        }
    }

    /// Works until every sender is gone and everything taken is done.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<InFlight>) {
        let most = self.runner.max_batch;
        let mut taken = Vec::with_capacity(most);
        let mut is_open = true;
        while is_open || self.queue.len() > 0 || !self.running.is_empty() || !self.parked.is_empty() {
            self.begin();
            let wake = self.wakes_at();
            let is_full = self.queue.bytes() >= MOST_BYTES || self.queue.has_ready(4 * most);
            tokio::select! {
                Some((number, ended)) = self.running.next() => self.end(number, ended),
                count = commands.recv_many(&mut taken, most), if is_open && !is_full => {
                    is_open = count > 0;
                    let handlers = &self.runner.handlers;
                    self.queue.push(taken.drain(..).map(|command| {
                        let name = handlers.get_key_value(command.name()).map_or("", |(name, _)| *name);
                        Waiting { kind: Kind { name, is_suspect: command.is_suspect, most }, command }
                    }));
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
        self.runner.finish().await;
    }

    /// Begins what may be begun now.
    fn begin(&mut self) {
        // What is left over from a partition that went to another replica is that one's to run.
        let given_up: Vec<_> = self.parked.extract_if(.., |(_, one)| !one.command.lease.is_wanted()).collect();
        for (_, one) in &given_up {
            // It is the next owner's to try, and so is what follows it.
            one.command.lease.leave(one.command.key());
        }
        self.queue.retain(|waiting| waiting.command.may_begin());
        self.queue.release(given_up.iter().map(|(_, one)| one.command.key()));
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.parked).into_iter().partition(|(_, one)| one.until <= now);
        self.parked = later;
        for (kind, one) in due {
            self.start(kind, vec![one.command]);
        }
        while self.may_begin(now)
            && let Some((kind, round)) = self.queue.take(|kind| kind.most)
        {
            self.start(kind, round.into_iter().map(|waiting| waiting.command).collect());
        }
    }

    /// One round at a time makes the largest batches; one that takes long is not waited for.
    fn may_begin(&self, now: Instant) -> bool {
        self.running.is_empty()
            || (!mutant!("bus-slow-holds-up-all")
                && self.running.len() < SIDE_BY_SIDE
                && self.begun.values().all(|begun| now - *begun >= SLOW))
    }

    fn start(&mut self, kind: Kind, round: Vec<InFlight>) {
        let (runner, number) = (Arc::clone(&self.runner), self.rounds);
        self.rounds += 1;
        self.begun.insert(number, Instant::now());
        self.running.push(Box::pin(async move { (number, runner.run(kind, round).await) }));
    }

    fn end(&mut self, number: usize, ended: Ended) {
        self.begun.remove(&number);
        self.queue.release(ended.keys);
        if let Some(parked) = ended.parked {
            self.queue.occupy(parked.command.key());
            mutant!("bus-parked-is-overtaken", self.queue.release([parked.command.key()]));
            self.parked.push((ended.kind, parked));
        }
        if let Some((most, commands)) = ended.put_back {
            let kind = Kind { most, ..ended.kind };
            self.queue.put_back(commands.into_iter().map(|command| Waiting { kind, command }).collect());
        }
    }

    /// When something may be begun that can't be begun now, if nothing else happens.
    fn wakes_at(&self) -> Option<Instant> {
        let parked = self.parked.iter().map(|(_, one)| one.until).min();
        let slow = self.begun.values().max().map(|latest| *latest + SLOW);
        let slow = slow.filter(|_| self.running.len() < SIDE_BY_SIDE && self.queue.is_ready());
        parked.into_iter().chain(slow).min()
    }
}
