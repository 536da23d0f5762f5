//! Sending commands.

use std::time::Duration;

use async_nats::jetstream::context::PublishAckFuture;
use bytes::Bytes;
use sinaesta_contracts::{Actor, Command, Envelope, ErrorBody, Partition, Subject, code};
use sinaesta_mutants::mutant;
use sinaesta_telemetry::TraceContext;
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::Span;
use uuid::Uuid;

use crate::bus::internal;
use crate::publish::NotStored;
use crate::{Answer, Bus, headers};

/// How soon a publish is repeated.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the broker may take to store what was noticed; it will be noticed again.
const NOTICED: Duration = Duration::from_secs(5);

/// A command on its way. It was handed to the connection in the order of the calls that made it.
#[must_use = "the command's answer is in here"]
pub struct Dispatched {
    bus: Bus,
    id: Uuid,
    publish: Publish,
    stored: Stored,
    answer: oneshot::Receiver<Answer>,
    /// From the sending to the answer.
    _span: Span,
}

#[derive(Clone)]
pub(crate) struct Publish {
    subject: String,
    headers: async_nats::HeaderMap,
    payload: Bytes,
}

impl Bus {
    /// Sends a command whose answer is wanted. `id` makes a repeat the same command.
    /// Commands that one task dispatches are stored in the order of the calls.
    pub async fn dispatch<C: Command>(&self, id: Uuid, actor: &Actor, command: &C) -> Result<Dispatched, ErrorBody> {
        let span = publish_span::<C>(id);
        let mut publish = prepare(id, actor, command, &span)?;
        publish.headers.insert(headers::REPLY, Subject::Reply(self.id()).to_string());
        let answer = self.expect_reply(id).await.map_err(|error| internal(&error))?;
        let stored = self.publish(&publish).await;
        Ok(Dispatched { bus: self.clone(), id, publish, stored, answer, _span: span })
    }

    /// Sends a command whose answer nobody waits for, and returns once the broker has it or `limit` is over; at once if the
    /// broker has no room.
    pub async fn post<C: Command>(
        &self,
        id: Uuid,
        actor: &Actor,
        command: &C,
        limit: Duration,
    ) -> Result<(), ErrorBody> {
        let span = publish_span::<C>(id);
        let publish = prepare(id, actor, command, &span)?;
        let stored = async {
            loop {
                match outcome(self.publish(&publish).await).await {
                    Ok(()) => return Ok(()),
                    Err(not_stored) => refusal(&not_stored).map_or(Ok(()), Err)?,
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(limit, stored).await.map_err(|_| unavailable())?
    }

    /// Sends a command because somebody who looked at `now` noticed that `what` is due since `due`. Everyone who notices
    /// within the same second sends the same command, and the broker drops all but the first; one that came too early by
    /// the broker's clock, or got lost, is sent again a second later.
    pub async fn notice<C: Command>(&self, what: Uuid, due: OffsetDateTime, now: OffsetDateTime, command: &C) {
        let mut name = due.unix_timestamp_nanos().to_be_bytes().to_vec();
        name.extend(now.unix_timestamp().to_be_bytes());
        let id = Uuid::new_v5(&what, &name);
        if let Err(error) = self.post(id, &Actor::system(), command, NOTICED).await {
            tracing::warn!(error = %error.message, command = C::NAME, "what was noticed could not be sent");
        }
    }

    async fn publish(&self, publish: &Publish) -> Stored {
        let Publish { subject, headers, payload } = publish.clone();
        let handed = self.jetstream().publish_with_headers(subject, headers, payload).await;
        handed.map_err(|error| NotStored::of(&error))
    }
}

/// What will come of a publish, or why nothing will.
type Stored = Result<PublishAckFuture, NotStored>;

async fn outcome(stored: Stored) -> Result<(), NotStored> {
    stored?.await.map(drop).map_err(|error| NotStored::of(&error))
}

/// What the sender is told of a command that the broker did not take and will not take now.
fn refusal(not_stored: &NotStored) -> Option<ErrorBody> {
    mutant!("bus-full-queue-not-told", return None);
    match not_stored {
        NotStored::Unknown => mutant!("bus-unconfirmed-counts-as-not-sent", Some(unavailable()), None),
        NotStored::Full => Some(ErrorBody::new(code::BUSY, "The server has too much to do; try again")),
        NotStored::Refused(_) => Some(ErrorBody::new(code::TOO_LARGE, "This is larger than the server takes")),
    }
}

fn publish_span<C: Command>(id: Uuid) -> Span {
    sinaesta_telemetry::span!(
        "command.publish",
        producer,
        messaging.system = "nats",
        messaging.operation.type = "send",
        messaging.destination.name = %format_args!("{}.{}", C::SERVICE, C::NAME),
        messaging.message.id = %id,
    )
}

fn prepare<C: Command>(id: Uuid, actor: &Actor, command: &C, span: &Span) -> Result<Publish, ErrorBody> {
    let key = command.partition_key(actor);
    let envelope = Envelope { actor: actor.clone(), body: command };
    let mut sent = headers::with_message_id(&id.to_string(), &TraceContext::of(span));
    sent.insert(headers::KEY, key.as_str());
    Ok(Publish {
        subject: Subject::Command(C::SERVICE, C::NAME, Partition::of(&key)).to_string(),
        headers: sent,
        payload: serde_json::to_vec(&envelope).map_err(|error| internal(&error))?.into(),
    })
}

fn unavailable() -> ErrorBody {
    ErrorBody::new(code::UNAVAILABLE, "The service can't be reached right now")
}

impl Dispatched {
    /// Waits for the answer. A publish that was not acknowledged is unknown, never "not sent": it is repeated with
    /// the same id until the broker has it; and after a reconnect, in which the answer may have got lost, the command
    /// is sent again for the service to say what came of it. Past `limit` the answer is an error that says so: the
    /// command may still take effect. What the broker says it did not take is refused at once.
    pub async fn answer(mut self, limit: Duration) -> Answer {
        let deadline = Instant::now() + limit;
        let mut reconnects = self.bus.reconnects();
        reconnects.mark_unchanged();
        let (mut attempt, mut may_be_stored) = (0, false);
        loop {
            let stored = std::mem::replace(&mut self.stored, Err(NotStored::Unknown));
            tokio::select! {
                biased;
                answer = timeout_at(deadline, &mut self.answer) => return self.finish(answer),
                outcome = outcome(stored) => match outcome {
                    Ok(()) => {
                        may_be_stored = true;
                        tokio::select! {
                            biased;
                            answer = timeout_at(deadline, &mut self.answer) => return self.finish(answer),
                            Ok(()) = reconnects.changed() => attempt += 1,
                        }
                    }
                    Err(not_stored) => match refusal(&not_stored) {
                        Some(error) if !may_be_stored => return Err(error),
                        _ => may_be_stored = true,
                    },
                },
            }
            tokio::time::sleep(PAUSE).await;
            self.publish.headers.insert(headers::MESSAGE_ID, headers::attempt_id(self.id, attempt));
            let repeat = &mut self.publish.headers;
            mutant!("bus-repeat-has-another-id", repeat.insert(headers::MESSAGE_ID, Uuid::now_v7().to_string()));
            self.stored = self.bus.publish(&self.publish).await;
        }
    }

    fn finish(&self, answer: Result<Result<Answer, oneshot::error::RecvError>, tokio::time::error::Elapsed>) -> Answer {
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(unavailable()),
            Err(_) => Err(ErrorBody::new(code::TIMEOUT, "No answer in time: it may still take effect")),
        }
    }
}

impl Drop for Dispatched {
    fn drop(&mut self) {
        self.bus.forget_reply(self.id);
    }
}
