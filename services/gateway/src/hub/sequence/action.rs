//! What a [`Sequence`](super::Sequence) asks for, and the answer to a fetch.

use sinaesta_mutants::mutant;

/// One step to perform, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::hub) enum Action<M, D> {
    /// Emit a delivery.
    Emit(Recipients<M>, D),
    /// From now on this one is a member, and receives what is for [`Recipients::Members`].
    Admit(M),
    /// Whether these have everything can't be proven: each has to ask for what it lacks.
    Resync(Recipients<M>),
    /// Ask chat for a page of messages; [`fetched`](super::Sequence::fetched) takes the answer.
    Fetch(Fetch),
}

/// For whom something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::hub) enum Recipients<M> {
    /// All that have been admitted and have not left.
    Members,
    /// Some that are to be admitted.
    Joining(Vec<M>),
}

/// A query for the messages that follow `after_seq`. A new one replaces the one before with the same purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) struct Fetch {
    pub(in crate::hub) purpose: Purpose,
    pub(in crate::hub) after_seq: i64,
}

/// Who lacks the messages that are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) enum Purpose {
    /// All members; deliveries wait for it.
    Gap,
    /// Those whose snapshot is behind the room.
    CatchUp,
}

/// Messages in the order of their `seq`.
#[derive(Debug, Clone)]
pub(in crate::hub) struct Page<D> {
    pub(in crate::hub) messages: Vec<(i64, D)>,
    pub(in crate::hub) has_more: bool,
}

impl<D> Page<D> {
    /// Whether nothing follows this page.
    pub(super) fn is_last(&self) -> bool {
        !self.has_more || self.messages.is_empty() || mutant!("room-missed-is-one-page")
    }
}

/// Chat did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) struct Unavailable;
