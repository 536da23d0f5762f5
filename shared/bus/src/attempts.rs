//! How often something was begun or failed, counted where it survives the process: in the service's own database.
//!
//! The broker's delivery count can't be used for it: it begins again with each owner of a partition.

use futures::future::BoxFuture;
use sinaesta_contracts::Partition;
use uuid::Uuid;

/// After so many failed tries alone a command or event is a dead letter.
pub(crate) const MOST_FAILURES: u32 = 5;
/// After so many times begun alone without an outcome, because the process ended, it is one as well.
pub(crate) const MOST_BEGUN: u32 = 3;

/// The database can't be used right now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// How a message is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Alone: what happens to the process then is this message's doing.
    Alone,
    /// Together with others, none of which can be blamed.
    Together,
}

/// How often a message was begun before without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Begun {
    /// Alone.
    pub alone: u32,
    /// With others.
    pub together: u32,
}

/// A service's memory of tries. Messages are named by what stays the same however often they are delivered: a command by
/// its id, an event by its consumer and id.
pub trait AttemptLog: Send + Sync + 'static {
    /// Whether the database takes a write: what decides between "this message fails" and "the database is away".
    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>>;

    /// `replica` owns a partition from now on. False if the owner before did not hand it over: it may have ended because
    /// of a command that it was working on.
    fn take_over(&self, partition: Partition, replica: Uuid) -> BoxFuture<'_, Result<bool, Unavailable>>;

    /// `replica` has finished what it began, if the partition is still its own.
    fn hand_over(&self, partition: Partition, replica: Uuid) -> BoxFuture<'_, Result<(), Unavailable>>;

    /// These are about to be run; says how often each was before, in the same order.
    fn begin<'a>(&'a self, messages: &'a [String], how: Run) -> BoxFuture<'a, Result<Vec<Begun>, Unavailable>>;

    /// One more failed try of a message that was run alone; says how many there are now.
    fn count_failure<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<u32, Unavailable>>;

    /// These came to an end, good or bad: what is remembered is how often they failed.
    fn end<'a>(&'a self, messages: &'a [String]) -> BoxFuture<'a, Result<(), Unavailable>>;

    /// These have an outcome: nothing of them is remembered.
    fn forget<'a>(&'a self, messages: &'a [String]) -> BoxFuture<'a, Result<(), Unavailable>>;
}
