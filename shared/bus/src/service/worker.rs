//! Takes whatever waits, applies it kind by kind, publishes what came of it and acknowledges.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::Message;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use metrics::{counter, histogram};
use sinaesta_contracts::{Service, Subject, subject};
use sinaesta_telemetry::TraceContext;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::command::{Effect, ErasedHandler};
use super::lease::Lease;
use super::spans::Spans;
use crate::answer::{AnswerBody, AnswerLine};
use crate::batch::{gather, rounds};
use crate::publish::Publishing;
use crate::{Bus, Failure, headers};

/// The first and the longest pause before a failed batch is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How many batches may be waiting for the broker to store what came of them.
const UNFINISHED: usize = 64;
/// The most bytes of answers in one message.
const ANSWERS: usize = 256 * 1024;

/// A command as it came, with the lease under which it was taken.
pub(super) struct Raw {
    pub(super) message: Message,
    lease: Arc<Lease>,
}

impl Raw {
    pub(super) const fn new(message: Message, lease: Arc<Lease>) -> Self {
        Self { message, lease }
    }

    fn name(&self) -> &str {
        subject::parse_command(&self.message.subject).map_or("", |(name, _)| name)
    }

    /// What keeps its order: the key, or where there is none the whole partition.
    fn key(&self) -> String {
        headers::text(self.message.headers.as_ref(), headers::KEY)
            .map_or_else(|| self.lease.partition.0.to_string(), str::to_owned)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.lease.done();
    }
}

/// One of a replica's workers.
pub(super) struct Worker {
    bus: Bus,
    service: Service,
    handlers: Arc<HashMap<&'static str, Arc<dyn ErasedHandler>>>,
    max_batch: usize,
    unfinished: Arc<Semaphore>,
    finishing: TaskTracker,
}

impl Worker {
    pub(super) fn new(
        bus: Bus,
        service: Service,
        handlers: Arc<HashMap<&'static str, Arc<dyn ErasedHandler>>>,
        max_batch: usize,
    ) -> Self {
        let unfinished = Arc::new(Semaphore::new(UNFINISHED));
        Self { bus, service, handlers, max_batch, unfinished, finishing: TaskTracker::new() }
    }

    /// Works until every sender is gone and everything taken is done.
    pub(super) async fn run(self, mut commands: mpsc::Receiver<Raw>) {
        let mut taken = Vec::with_capacity(self.max_batch);
        while commands.recv_many(&mut taken, self.max_batch).await > 0 {
            let batch: Vec<Raw> = taken.drain(..).filter(|raw| raw.lease.is_held()).collect();
            let kind = |raw: &Raw| self.handlers.get_key_value(raw.name()).map_or("", |(name, _)| *name);
            for (name, round) in rounds(batch, kind, Raw::key) {
                match self.handlers.get(name) {
                    Some(handler) => self.apply(name, handler.as_ref(), round).await,
                    None => {
                        let unknown = |_: &Raw| Effect::dead("no handler for this command".to_owned());
                        let effects = round.iter().map(unknown).collect();
                        self.conclude("unknown", round, effects, &Spans::none()).await;
                    }
                }
            }
        }
        self.finishing.close();
        self.finishing.wait().await;
    }

    async fn apply(&self, name: &'static str, handler: &dyn ErasedHandler, batch: Vec<Raw>) {
        let started = Instant::now();
        let labels = [("service", self.service.as_str()), ("command", name)];
        histogram!("bus_batch_size", &labels).record(batch.len() as f64);
        super::count_redeliveries(self.service, batch.iter().map(|raw| &raw.message));
        let spans = Spans::begin(self.service, name, &batch);
        match self.attempt(handler, &batch).instrument(spans.batch.clone()).await {
            Some(Ok(effects)) => self.conclude(name, batch, effects, &spans).await,
            // One of them can't be handled; alone, each shows whether it is the one.
            Some(Err(_)) if batch.len() > 1 => {
                for one in batch {
                    Box::pin(self.apply(name, handler, vec![one])).await;
                }
            }
            Some(Err(reason)) => {
                let dead = batch.iter().map(|_| Effect::dead(reason.clone())).collect();
                self.conclude(name, batch, dead, &spans).await;
            }
            None => {}
        }
        histogram!("bus_batch_seconds", &labels).record(started.elapsed());
    }

    /// Tries until it is applied or rejected; `None` if the partitions went to somebody else meanwhile.
    async fn attempt(&self, handler: &dyn ErasedHandler, batch: &[Raw]) -> Option<Result<Vec<Effect>, String>> {
        let mut pause = FIRST_PAUSE;
        loop {
            match handler.handle(batch).await {
                Ok(effects) => return Some(Ok(effects)),
                Err(Failure::Reject(reason)) => return Some(Err(reason)),
                Err(Failure::Retry(reason)) => {
                    tracing::warn!(reason, pause_ms = pause.as_millis(), commands = batch.len(), "retrying");
                    counter!("bus_retries_total", "service" => self.service.as_str()).increment(1);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if !batch.iter().any(|raw| raw.lease.is_held()) {
                return None;
            }
        }
    }

    /// Answers at once, for the effect is durable; publishes in order; acknowledges when the broker has it all.
    async fn conclude(&self, name: &'static str, batch: Vec<Raw>, effects: Vec<Effect>, spans: &Spans) {
        self.answer(&batch, &effects).await;
        let mut publishing = Vec::new();
        for (place, (raw, effect)) in batch.iter().zip(&effects).enumerate() {
            let id = headers::command_id(raw.message.headers.as_ref()).unwrap_or_default().to_string();
            let trace = TraceContext::of(spans.of(place));
            if let Some(reason) = &effect.dead {
                publishing.push(self.bury(raw, reason).await);
            }
            for (index, outbound) in effect.outbound.iter().enumerate() {
                publishing.push(outbound.start(&self.bus, &id, index, &trace).await);
            }
        }
        counter!("bus_commands_total", "service" => self.service.as_str(), "command" => name)
            .increment(batch.len() as u64);
        let Ok(permit) = Arc::clone(&self.unfinished).acquire_owned().await else { return };
        let bus = self.bus.clone();
        self.finishing.spawn(async move {
            let all: FuturesUnordered<_> = publishing.into_iter().map(|one| one.finish(&bus)).collect();
            all.collect::<()>().await;
            for raw in &batch {
                // An acknowledgement that gets lost brings the command again, and it finds itself done.
                if let Err(error) = raw.message.ack().await {
                    tracing::warn!(%error, "a command could not be acknowledged");
                }
            }
            drop(permit);
        });
    }

    async fn answer(&self, batch: &[Raw], effects: &[Effect]) {
        let lines = batch.iter().zip(effects).filter_map(|(raw, effect)| {
            let to = headers::text(raw.message.headers.as_ref(), headers::REPLY)?;
            let id = headers::command_id(raw.message.headers.as_ref())?;
            Some((to.to_owned(), AnswerLine { id, body: AnswerBody::from(effect.answer.clone()) }))
        });
        for (to, lines) in gather(lines) {
            for part in split(lines) {
                match serde_json::to_vec(&part) {
                    Ok(payload) => {
                        if let Err(error) = self.bus.client().publish(to.clone(), Bytes::from(payload)).await {
                            tracing::warn!(%error, "an answer could not be sent");
                        }
                    }
                    Err(error) => tracing::error!(%error, "an answer could not be written"),
                }
            }
        }
    }

    async fn bury(&self, raw: &Raw, reason: &str) -> Publishing {
        let subject = raw.message.subject.to_string();
        tracing::error!(subject, reason, "dead letter");
        counter!("bus_dead_letters_total", "service" => self.service.as_str()).increment(1);
        let sequence = raw.message.info().map(|info| info.stream_sequence).unwrap_or_default();
        let mut sent = headers::with_message_id(&format!("dead.{sequence}"), &TraceContext::default());
        // A header is one line.
        sent.insert(headers::REASON, reason.replace(['\r', '\n'], " "));
        sent.insert(headers::SUBJECT, subject);
        for (name, from) in [(headers::KEY, headers::KEY), (headers::ORIGINAL_ID, headers::MESSAGE_ID)] {
            if let Some(value) = headers::text(raw.message.headers.as_ref(), from) {
                sent.insert(name, value);
            }
        }
        let to = Subject::DeadLetter(self.service).to_string();
        Publishing::start(&self.bus, to, sent, raw.message.payload.clone()).await
    }
}

/// Divides answers into messages that stay well below what the broker takes.
fn split(lines: Vec<AnswerLine>) -> Vec<Vec<AnswerLine>> {
    let mut parts: Vec<(usize, Vec<AnswerLine>)> = Vec::new();
    for line in lines {
        let size = 100 + line.body.ok.as_ref().map_or(0, |reply| reply.get().len());
        match parts.last_mut() {
            Some((total, part)) if *total + size <= ANSWERS => {
                *total += size;
                part.push(line);
            }
            _ => parts.push((size, vec![line])),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}
