//! What handlers get and give.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sinaesta_contracts::{Actor, Audience, Command, ErrorBody, Event, GatewayId, Query, ServerEvent, UserId};
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::waiting::Dependency;

/// A command as a handler gets it.
#[derive(Debug, Clone)]
pub struct Received<C> {
    /// The command's id: the same for every repeat of it.
    pub id: Uuid,
    /// Who it is from.
    pub actor: Actor,
    /// What is to be changed.
    pub command: C,
    /// When the broker stored it: the time that counts.
    pub stamped_at: OffsetDateTime,
    /// The gateway that waits for the answer, if any does.
    pub from: Option<GatewayId>,
}

/// Applies commands of one kind.
pub trait CommandHandler: Send + Sync + 'static {
    /// The kind.
    type Command: Command;

    /// Applies a batch and says what came of each, in the same order. Load, decide, write in one transaction.
    ///
    /// The same command may come again after a crash: the write must then find itself done, and the outcome be
    /// the same. Commands with the same partition key come in the order of the stream.
    fn handle(
        &self,
        batch: &[Received<Self::Command>],
    ) -> impl Future<Output = Result<Vec<Outcome<<Self::Command as Command>::Reply>>, Failure>> + Send;
}

/// Answers queries of one kind.
pub trait QueryHandler: Send + Sync + 'static {
    /// The kind.
    type Query: Query;

    /// The answer, or why there is none. A failure of ours is told as one.
    fn handle(
        &self,
        actor: Actor,
        query: Self::Query,
    ) -> impl Future<Output = Result<Result<<Self::Query as Query>::Reply, ErrorBody>, Failure>> + Send;
}

/// An event as a handler gets it.
#[derive(Debug, Clone)]
pub struct Heard<E> {
    /// The event's id: the same for every repeat of it.
    pub id: String,
    /// When the broker stored it: the time that counts, also when it is handled much later.
    pub stamped_at: OffsetDateTime,
    /// What happened.
    pub event: E,
}

/// Takes events of one kind. The same event may come more than once.
pub trait EventHandler: Send + Sync + 'static {
    /// The kind.
    type Event: Event;

    /// Applies a batch; what it gives is published once it returns. In one transaction: a batch that fails is taken
    /// apart and comes again one by one.
    fn handle(&self, batch: &[Heard<Self::Event>]) -> impl Future<Output = Result<Vec<Outbound>, Failure>> + Send;
}

/// Why a handler could not do its work. A refusal by the rules is not a failure: it is an [`Outcome`].
///
/// None of them is retried without end: see `docs/failures.md`.
#[derive(Debug, Clone, Error)]
pub enum Failure {
    /// It can't be decided for this command and never will be: isolated, answered with an error, moved to the dead letters.
    #[error("rejected: {0}")]
    Reject(String),
    /// This try failed. Where the broker and the database are there, the command is run alone, a few times, and is then
    /// a dead letter; while one of them is away, everything waits for it, visibly.
    #[error("to be retried: {0}")]
    Retry(String),
    /// Something that it needs is held by another. As a retry; but only when that has been so for minutes does it count as a
    /// failure of its own.
    #[error("held by another: {0}")]
    Held(String),
    /// Something that all need is away. As a retry, but taken to be so for a minute although the broker and the database
    /// can be reached.
    #[error("the {0} is away: {1}")]
    Away(Dependency, String),
}

/// What came of one command.
#[derive(Debug)]
pub struct Outcome<R> {
    /// The answer to the sender.
    pub answer: Result<R, ErrorBody>,
    /// What is published, in this order.
    pub outbound: Vec<Outbound>,
}

impl<R> From<Result<R, ErrorBody>> for Outcome<R> {
    /// Done or refused, with nothing to publish.
    fn from(answer: Result<R, ErrorBody>) -> Self {
        Self { answer, outbound: Vec::new() }
    }
}

impl<R> Outcome<R> {
    /// Done, with nothing to publish.
    pub const fn done(reply: R) -> Self {
        Self { answer: Ok(reply), outbound: Vec::new() }
    }

    /// Refused by the rules; nothing was changed.
    pub const fn refused(error: ErrorBody) -> Self {
        Self { answer: Err(error), outbound: Vec::new() }
    }

    /// The same, with something to publish.
    #[must_use]
    pub fn and(mut self, outbound: Outbound) -> Self {
        self.outbound.push(outbound);
        self
    }
}

/// Something to be published as the consequence of a command or an event.
#[derive(Debug, Clone)]
pub enum Outbound {
    /// For sockets.
    Deliver {
        /// Whose.
        audience: Audience,
        /// The Socket.IO event's name.
        event: &'static str,
        /// Encoded once, here.
        payload: Arc<RawValue>,
        /// A room message's `seq`.
        seq: Option<i64>,
        /// Whose sockets are passed over.
        except: Option<UserId>,
    },
    /// For other services.
    Event {
        /// The domain in the subject.
        domain: &'static str,
        /// The name in the subject.
        name: &'static str,
        /// The event's JSON.
        payload: Arc<RawValue>,
        /// What makes it this event, where that is not the command or event that caused it.
        id: Option<String>,
    },
}

impl Outbound {
    /// A delivery of `event` to `audience`.
    pub fn deliver<E: ServerEvent>(audience: Audience, event: &E) -> Result<Self, Failure> {
        Ok(Self::Deliver { audience, event: E::NAME, payload: encode(event)?, seq: None, except: None })
    }

    /// The same for a message with a place in its room's order.
    #[must_use]
    pub fn with_seq(mut self, at: i64) -> Self {
        if let Self::Deliver { seq, .. } = &mut self {
            *seq = Some(at);
        }
        self
    }

    /// The same, passing over the sockets of one user.
    #[must_use]
    pub fn except(mut self, user: UserId) -> Self {
        if let Self::Deliver { except, .. } = &mut self {
            *except = Some(user);
        }
        self
    }

    /// An event for other services.
    pub fn event<E: Event>(event: &E) -> Result<Self, Failure> {
        Ok(Self::Event { domain: E::DOMAIN, name: E::NAME, payload: encode(event)?, id: None })
    }

    /// The same for an event about several commands: `what` names it whichever of them it is published with.
    #[must_use]
    pub fn identified_by(mut self, what: String) -> Self {
        if let Self::Event { id, .. } = &mut self {
            *id = Some(what);
        }
        self
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Arc<RawValue>, Failure> {
    to_raw_value(value).map(Arc::from).map_err(|error| Failure::Reject(error.to_string()))
}

/// Applies each command of a batch in a transaction of its own: for those that come seldom.
pub async fn one_by_one<'b, C: Command, F>(
    batch: &'b [Received<C>],
    apply: impl Fn(&'b Received<C>) -> F,
) -> Result<Vec<Outcome<C::Reply>>, Failure>
where
    F: Future<Output = Result<Outcome<C::Reply>, Failure>>,
{
    let mut outcomes = Vec::with_capacity(batch.len());
    for one in batch {
        outcomes.push(apply(one).await?);
    }
    Ok(outcomes)
}
