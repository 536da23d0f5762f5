//! What came of a round: answered at once, for the effect is durable; published in order; acknowledged when the broker
//! has all of it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use metrics::counter;
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_telemetry::TraceContext;
use tokio::sync::oneshot;

use super::command::Effect;
use super::dead_letter::{self, Letter};
use super::in_flight::InFlight;
use super::round::Runner;
use super::spans::Spans;
use crate::answer::{AnswerBody, AnswerLine};
use crate::headers;

/// The most bytes of several answers in one message.
const ANSWERS: usize = 256 * 1024;
/// What an answer needs besides its reply, in bytes.
const AROUND: usize = 100;

impl Runner {
    pub(super) async fn conclude(
        &self,
        name: &'static str,
        mut batch: Vec<InFlight>,
        mut effects: Vec<Effect>,
        spans: &Spans,
    ) {
        mutant!("bus-batch-told-in-reverse", (batch.reverse(), effects.reverse()));
        mutant!("bus-deliveries-of-a-command-reversed", effects.iter_mut().for_each(|one| one.outbound.reverse()));
        self.answer(&batch, &effects).await;
        let mut publishing = Vec::new();
        for (place, (command, effect)) in batch.iter().zip(&effects).enumerate() {
            let id = headers::command_id(command.message.headers.as_ref()).unwrap_or_default().to_string();
            let trace = TraceContext::of(spans.of(place));
            if let Some(reason) = effect.dead.as_ref().filter(|_| !mutant!("bus-dead-letter-lost")) {
                // Several services put theirs into one stream.
                let mut id = format!("dead.{}.{}", self.service, command.sequence());
                mutant!("bus-dead-letters-share-ids", id = format!("dead.{}", command.sequence()));
                let letter = Letter { id, reason, service: self.service };
                publishing.push(dead_letter::publish(&self.bus, letter, &command.message).await);
            }
            for (index, outbound) in effect.outbound.iter().enumerate() {
                publishing.push(outbound.start(&self.bus, &id, index, &trace).await);
            }
        }
        counter!("bus_commands_total", "service" => self.service.as_str(), "command" => name)
            .increment(batch.len() as u64);
        let Ok(permit) = Arc::clone(&self.unfinished).acquire_owned().await else { return };
        let bus = self.bus.clone();
        let (finished, next) = oneshot::channel::<()>();
        let before = self.last.lock().replace(next);
        self.finishing.spawn(async move {
            let all: FuturesUnordered<_> = publishing.into_iter().map(|one| one.finish(&bus)).collect();
            mutant!("bus-acknowledged-before-told", drop(join_all(batch.iter().map(|one| one.message.ack())).await));
            all.collect::<()>().await;
            // In order: what comes again is then all that followed something, and never something without what followed it.
            if let Some(before) = before.filter(|_| !mutant!("bus-acknowledged-out-of-order")) {
                before.await.ok();
            }
            mutant!("bus-never-acknowledged", return);
            for command in &batch {
                // Whoever owns the partition next is given what was not acknowledged, and it finds itself done.
                if let Err(error) = command.message.ack().await {
                    tracing::warn!(%error, command_id = command.log_name(), "a command could not be acknowledged");
                }
            }
            drop((permit, finished));
        });
    }

    /// All answers to one sender travel together.
    async fn answer(&self, batch: &[InFlight], effects: &[Effect]) {
        let most = self.bus.client().max_payload().saturating_sub(AROUND);
        let mut senders: HashMap<&str, Vec<AnswerLine>> = HashMap::new();
        for (command, effect) in batch.iter().zip(effects) {
            let received = command.message.headers.as_ref();
            let is_silent = effect.dead.is_some() && mutant!("bus-dead-letter-not-answered");
            let reply = headers::text(received, headers::REPLY).filter(|_| !is_silent);
            let (Some(to), Some(id)) = (reply, headers::command_id(received)) else {
                continue;
            };
            let line = AnswerLine { id, body: AnswerBody::from(effect.answer.clone()) };
            senders.entry(to).or_default().push(fitting(line, most));
        }
        for (to, lines) in senders {
            for part in split(lines) {
                match serde_json::to_vec(&part) {
                    Ok(payload) => {
                        if let Err(error) = self.bus.client().publish(to.to_owned(), Bytes::from(payload)).await {
                            tracing::warn!(%error, to, answers = part.len(), "answers could not be sent");
                        }
                    }
                    Err(error) => tracing::error!(%error, to, "answers could not be encoded"),
                }
            }
        }
    }
}

/// What is told in the place of a reply that no message can carry.
pub(super) fn too_large() -> ErrorBody {
    ErrorBody::new(code::ANSWER_TOO_LARGE, "It is done, but the answer is too large to be sent")
}

fn size(line: &AnswerLine) -> usize {
    AROUND + line.body.ok.as_ref().map_or(0, |reply| reply.get().len())
}

fn fitting(line: AnswerLine, most: usize) -> AnswerLine {
    if size(&line) <= most || mutant!("bus-too-large-answer-sent") {
        return line;
    }
    tracing::error!(command_id = %line.id, bytes = size(&line), "a reply is too large for the broker and is not sent");
    counter!("bus_dropped_total", "kind" => "answer").increment(1);
    AnswerLine { id: line.id, body: AnswerBody::from(Err(too_large())) }
}

/// Divides answers into messages that stay well below what the broker takes.
fn split(lines: Vec<AnswerLine>) -> Vec<Vec<AnswerLine>> {
    let mut parts: Vec<(usize, Vec<AnswerLine>)> = Vec::new();
    for line in lines {
        let size = size(&line);
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
