//! From raw messages to a typed handler and back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use metrics::counter;
use serde_json::value::to_raw_value;
use sinaesta_contracts::{Command, Envelope, ErrorBody, code, subject};

use super::in_flight::InFlight;
use crate::{Answer, CommandHandler, Failure, Outbound, Outcome, Received, headers};

/// What is to be done about one command.
pub(super) struct Effect {
    pub(super) answer: Answer,
    pub(super) outbound: Vec<Outbound>,
    /// Why it is a dead letter, if it is one.
    pub(super) dead: Option<String>,
}

impl Effect {
    fn of<R: serde::Serialize>(outcome: Outcome<R>) -> Self {
        let write = |reply| to_raw_value(&reply).map(Arc::from).map_err(|error| crate::bus::internal(&error));
        Self { answer: outcome.answer.and_then(write), outbound: outcome.outbound, dead: None }
    }

    pub(super) fn dead(reason: String) -> Self {
        let answer = Err(ErrorBody::new(code::INTERNAL, "Something went wrong on our side; we have been told"));
        Self { answer, outbound: Vec::new(), dead: Some(reason) }
    }
}

/// A handler whose command's type is forgotten.
pub(super) trait ErasedHandler: Send + Sync {
    /// The effects, in the order of `batch`.
    fn handle<'a>(&'a self, batch: &'a [InFlight]) -> BoxFuture<'a, Result<Vec<Effect>, Failure>>;
}

pub(super) struct Typed<H>(pub(super) H);

impl<H: CommandHandler> ErasedHandler for Typed<H> {
    fn handle<'a>(&'a self, batch: &'a [InFlight]) -> BoxFuture<'a, Result<Vec<Effect>, Failure>> {
        async move {
            let mut good = Vec::with_capacity(batch.len());
            let mut broken = Vec::with_capacity(batch.len());
            for command in batch {
                match decode::<H::Command>(command) {
                    Ok(received) => {
                        good.push(received);
                        broken.push(None);
                    }
                    Err(reason) => broken.push(Some(reason)),
                }
            }
            // A handler that panics has met something it can't handle; its connection returns to the pool clean.
            let outcomes = if good.is_empty() {
                Vec::new()
            } else {
                AssertUnwindSafe(self.0.handle(&good)).catch_unwind().await.unwrap_or_else(|_| {
                    counter!("bus_panics_total").increment(1);
                    Err(Failure::Reject("the handler panicked".to_owned()))
                })?
            };
            if outcomes.len() != good.len() {
                return Err(Failure::Reject(format!("{} outcomes for {} commands", outcomes.len(), good.len())));
            }
            let mut outcomes = outcomes.into_iter();
            let effects = broken.into_iter().map(|reason| match (reason, &mut outcomes) {
                (Some(reason), _) => Effect::dead(reason),
                (None, outcomes) => outcomes.next().map_or_else(|| Effect::dead("no outcome".to_owned()), Effect::of),
            });
            Ok(effects.collect())
        }
        .boxed()
    }
}

fn decode<C: Command>(command: &InFlight) -> Result<Received<C>, String> {
    let id = headers::command_id(command.message.headers.as_ref()).ok_or("it has no id")?;
    let envelope: Envelope<C> = serde_json::from_slice(&command.message.payload).map_err(|error| error.to_string())?;
    let stamped_at = command.message.info().map_err(|error| error.to_string())?.published;
    let from = headers::text(command.message.headers.as_ref(), headers::REPLY).and_then(subject::parse_reply);
    Ok(Received { id, actor: envelope.actor, command: envelope.body, stamped_at, from })
}
