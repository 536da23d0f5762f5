//! One round: commands of one kind, run as one batch; a batch that fails is taken apart until what is at fault stands alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use parking_lot::Mutex;
use sinaesta_contracts::Service;
use sinaesta_mutants::mutant;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::command::{Effect, ErasedHandler};
use super::in_flight::InFlight;
use super::spans::Spans;
use super::worker::Kind;
use crate::attempts::{AttemptLog, MOST_BEGUN, MOST_FAILURES, Run};
use crate::waiting::{Backoff, Dependency, Wait};
use crate::{Bus, Failure};

/// Between two tries while something that all need is away.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Before a command that failed alone is tried again: after the first failure, and at the most.
const FIRST_PARKED: Duration = Duration::from_millis(50);
const LONGEST_PARKED: Duration = Duration::from_secs(1);
/// So long what a command needs may be held by another before that counts as a failure: longer than Postgres takes to notice that
/// a client is gone.
const HELD: Duration = Duration::from_secs(180);
/// How many rounds may be waiting for the broker to store what came of them.
const UNFINISHED: usize = 64;

/// A command that failed alone, and when it is tried again.
pub(super) struct Parked {
    pub(super) command: InFlight,
    pub(super) until: tokio::time::Instant,
}

/// What became of a round.
pub(super) struct Ended {
    pub(super) kind: Kind,
    /// The keys of all that was taken.
    pub(super) keys: Vec<u64>,
    /// A command that is tried again alone.
    pub(super) parked: Option<Parked>,
    /// Commands that are to be run again, at most so many together.
    pub(super) put_back: Option<(usize, Vec<InFlight>)>,
}

/// What is to be done about suspects.
enum Marked {
    Run(Vec<InFlight>),
    Separate(Vec<InFlight>),
    /// It is a dead letter.
    Ended,
}

/// Into how many parts a batch is taken apart that failed.
const PARTS: usize = 16;

/// How many commands of a batch that failed are run together the next time.
pub(super) const fn smaller(count: usize) -> usize {
    let part = count / PARTS;
    if part == 0 { 1 } else { part }
}

/// What came of running a batch.
enum Applied {
    Effects(Vec<Effect>),
    /// It can't be handled, or not yet.
    Failed(Failure),
    /// Its partitions went to another replica.
    Lost,
}

/// What a worker's rounds share.
pub(super) struct Runner {
    pub(super) bus: Bus,
    pub(super) service: Service,
    pub(super) handlers: Arc<HashMap<&'static str, Arc<dyn ErasedHandler>>>,
    pub(super) attempts: Arc<dyn AttemptLog>,
    pub(super) max_batch: usize,
    pub(super) unfinished: Arc<Semaphore>,
    pub(super) finishing: TaskTracker,
    /// Ends when the latest round is acknowledged.
    pub(super) last: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Runner {
    pub(super) fn new(
        bus: Bus,
        service: Service,
        handlers: Arc<HashMap<&'static str, Arc<dyn ErasedHandler>>>,
        attempts: Arc<dyn AttemptLog>,
        max_batch: usize,
    ) -> Self {
        let unfinished = Arc::new(Semaphore::new(UNFINISHED));
        Self {
            bus,
            service,
            handlers,
            attempts,
            max_batch,
            unfinished,
            finishing: TaskTracker::new(),
            last: Mutex::default(),
        }
    }

    /// Waits until the broker has stored what came of all rounds.
    pub(super) async fn finish(&self) {
        self.finishing.close();
        self.finishing.wait().await;
    }

    /// Runs a round: done, to be run again in smaller parts, or parked.
    pub(super) async fn run(&self, kind: Kind, mut round: Vec<InFlight>) -> Ended {
        let keys = round.iter().map(InFlight::key).collect();
        let mut ended = Ended { kind, keys, parked: None, put_back: None };
        let Kind { name, is_suspect, .. } = kind;
        let Some(handler) = self.handlers.get(name).map(Arc::clone) else {
            let effects = round.iter().map(|_| Effect::dead("no handler for this command".to_owned())).collect();
            self.conclude("unknown", round, effects, &Spans::none()).await;
            return ended;
        };
        round.retain(InFlight::may_begin);
        // What may have ended a process is run when nothing else like it is, so that none is blamed for another.
        let _permit = if is_suspect && round.len() == 1 { self.bus.alone().await } else { None };
        let mut marked = Vec::new();
        if is_suspect {
            marked = round.iter().map(InFlight::log_name).collect();
            match self.mark(name, round, &marked).await {
                Marked::Run(marked) => round = marked,
                Marked::Separate(separate) => {
                    ended.put_back = Some((1, separate));
                    return ended;
                }
                Marked::Ended => return ended,
            }
        }
        let failed = self.run_part(name, handler.as_ref(), round).await;
        if !marked.is_empty() {
            self.ended(&marked).await;
        }
        match failed {
            None => {}
            Some((failure, mut part)) if part.len() == 1 => {
                if let Some(command) = part.pop() {
                    ended.parked = self.failed_alone(name, command, failure).await;
                }
            }
            // What is at fault stands alone before long, and the others are done.
            Some((_, part)) => {
                counter!("bus_isolations_total", "service" => self.service.as_str()).increment(1);
                ended.put_back = Some((smaller(part.len()), part));
            }
        }
        ended
    }

    /// Runs a batch and concludes it; gives it back with the reason if it failed.
    async fn run_part(
        &self,
        name: &'static str,
        handler: &dyn ErasedHandler,
        part: Vec<InFlight>,
    ) -> Option<(Failure, Vec<InFlight>)> {
        if part.is_empty() {
            return None;
        }
        let started = Instant::now();
        let labels = [("service", self.service.as_str()), ("command", name)];
        histogram!("bus_batch_size", &labels).record(part.len() as f64);
        super::count_redeliveries(self.service, part.iter().map(|command| &command.message));
        let spans = Spans::begin(self.service, name, &part);
        let failed = match self.apply(name, handler, &part).instrument(spans.batch.clone()).await {
            Applied::Effects(effects) => {
                self.conclude(name, part, effects, &spans).await;
                None
            }
            Applied::Failed(failure) => Some((failure, part)),
            Applied::Lost => {
                part.iter().for_each(|command| command.lease.leave(command.key()));
                None
            }
        };
        histogram!("bus_batch_seconds", &labels).record(started.elapsed());
        failed
    }

    /// Tries for as long as something that all need is away.
    async fn apply(&self, name: &'static str, handler: &dyn ErasedHandler, part: &[InFlight]) -> Applied {
        let (began, mut backoff) = (Instant::now(), Backoff::new(FIRST_PAUSE, LONGEST_PAUSE));
        let mut waits: Option<Wait> = None;
        loop {
            let failure = match handler.handle(part).await {
                Ok(effects) => return Applied::Effects(effects),
                Err(failure @ Failure::Reject(_)) => return Applied::Failed(failure),
                Err(failure) => failure,
            };
            counter!("bus_retries_total", "service" => self.service.as_str()).increment(1);
            let Some((on, reason)) = super::missing(&self.bus, &*self.attempts, &failure, began).await else {
                return Applied::Failed(failure);
            };
            if waits.is_none() {
                let who = format!("{} commands of {}.{name}", part.len(), self.service);
                waits = Some(self.bus.waiting().begin(who, on, reason));
            }
            tokio::time::sleep(backoff.pause()).await;
            if !part.iter().any(|command| command.lease.is_wanted()) {
                return Applied::Lost;
            }
        }
    }

    /// A command failed alone while others could succeed: it is parked for another try, or ends as a dead letter.
    async fn failed_alone(&self, name: &'static str, mut command: InFlight, failure: Failure) -> Option<Parked> {
        if let Failure::Held(reason) = &failure {
            let since = *command.held_since.get_or_insert_with(tokio::time::Instant::now);
            if since.elapsed() < HELD && !mutant!("bus-held-is-counted") {
                let command_id = command.log_name();
                tracing::warn!(service = %self.service, command = name, command_id, reason, "what a command needs is held");
                return Some(Parked { command, until: tokio::time::Instant::now() + LONGEST_PARKED });
            }
        }
        let reason = match failure {
            Failure::Reject(reason) => reason,
            Failure::Retry(reason) | Failure::Held(reason) | Failure::Away(_, reason) => {
                match self.count_failure(&command).await {
                    failures if failures < MOST_FAILURES || mutant!("bus-tried-for-ever") => {
                        tracing::warn!(
                            service = %self.service, command = name, command_id = command.log_name(), failures, reason,
                            "a command failed alone and is tried again"
                        );
                        let pause = FIRST_PARKED * 4_u32.saturating_pow(failures.saturating_sub(1));
                        let until = tokio::time::Instant::now() + pause.min(LONGEST_PARKED);
                        return Some(Parked { command, until });
                    }
                    failures => format!("failed {failures} times alone: {reason}"),
                }
            }
        };
        let log_name = command.log_name();
        self.conclude(name, vec![command], vec![Effect::dead(reason)], &Spans::none()).await;
        self.forget(&[log_name]).await;
        None
    }

    async fn count_failure(&self, command: &InFlight) -> u32 {
        // Where the count can't be kept nothing is counted: the next try meets a database that is away, and waits.
        self.attempts.count_failure(&command.log_name()).await.unwrap_or_default()
    }

    /// Notes that suspects are about to be run. Those that were begun before and came to no end are run alone; one that
    /// came to none too often is not run any more.
    async fn mark(&self, name: &'static str, round: Vec<InFlight>, log_names: &[String]) -> Marked {
        if round.len() != 1 {
            let begun = self.begin(log_names, Run::Together).await;
            let is_first = begun.iter().all(|before| before.together == 0 && before.alone == 0);
            return if is_first || mutant!("bus-suspects-stay-together") {
                Marked::Run(round)
            } else {
                Marked::Separate(round)
            };
        }
        let begun = self.begin(log_names, Run::Alone).await;
        let before = begun.first().copied().unwrap_or_default().alone;
        if before < MOST_BEGUN || mutant!("bus-ends-the-process-for-ever") {
            return Marked::Run(round);
        }
        let reason = format!("the process ended {before} times while this was handled");
        self.conclude(name, round, vec![Effect::dead(reason)], &Spans::none()).await;
        self.forget(log_names).await;
        Marked::Ended
    }

    /// Waits for the database: what is not noted must not be run.
    async fn begin(&self, names: &[String], how: Run) -> Vec<crate::attempts::Begun> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut waits = None;
        loop {
            match self.attempts.begin(names, how).await {
                Ok(begun) => return begun,
                Err(reason) if waits.is_none() => {
                    let who = format!("{} unfinished commands of {}", names.len(), self.service);
                    waits = Some(self.bus.waiting().begin(who, Dependency::Database, reason.to_string()));
                }
                Err(_) => {}
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn ended(&self, names: &[String]) {
        if let Err(error) = self.attempts.end(names).await {
            tracing::debug!(%error, "marks of what has ended stay until they are swept");
        }
    }

    async fn forget(&self, names: &[String]) {
        if let Err(error) = self.attempts.forget(names).await {
            tracing::debug!(%error, "a count of tries stays until it is swept");
        }
    }
}
