//! The order of a room's messages: a state machine without I/O.
//!
//! Each method takes one input and appends the [`Action`]s that follow from it, which [`Room`](super::room::Room)
//! performs. The time is a parameter. In whatever order inputs come:
//!
//! - a member receives the messages after its snapshot in the order of `seq`, each once; where one can't be fetched, the
//!   member is sent a resync in its place;
//! - deliveries without a `seq` keep their order relative to all others;
//! - joining and leaving wait for nothing.
//!
//! | a member joins with a snapshot | |
//! | --- | --- |
//! | at the room's `last_seq` | it is admitted |
//! | behind it | [`CatchUp`] fetches the difference for it, while the others go on receiving |
//! | ahead of it | it is admitted when the room reaches the snapshot; after [`ahead::PATIENCE`] the difference is fetched |

mod action;
mod ahead;
mod backlog;
mod catch_up;
mod query;

#[cfg(test)]
mod model;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Instant;

use sinaesta_mutants::mutant;

pub(super) use action::{Action, Fetch, Page, Purpose, Recipients, Unavailable};
use ahead::Ahead;
use backlog::Backlog;
pub(super) use backlog::{Limits, Weight};
use catch_up::CatchUp;
use query::Query;

/// A room's order. `M` identifies a member, `D` is a delivery.
#[derive(Debug, Clone)]
pub(super) struct Sequence<M, D> {
    /// The `seq` up to which all members have everything; `None` before the first snapshot or message.
    last_seq: Option<i64>,
    /// How many are admitted. Which ones, only the caller needs to know.
    members: usize,
    /// Members whose snapshot is ahead of the room.
    ahead: Ahead<M>,
    /// Members whose snapshot is behind the room.
    behind: CatchUp<M, D>,
    /// The fetch of messages that all members lack.
    gap: Option<Query>,
    /// Up to where chat has messages, by the deliveries and snapshots that had arrived when it was last asked.
    expected: Option<i64>,
    /// Deliveries that wait for that fetch.
    backlog: Backlog<D>,
    /// The broker was unreachable while a fetch was under way: another one follows it.
    is_disrupted: bool,
}

impl<M: Copy + Eq, D: Clone + Weight> Sequence<M, D> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            last_seq: None,
            members: 0,
            ahead: Ahead::new(),
            behind: CatchUp::new(limits),
            gap: None,
            expected: None,
            backlog: Backlog::new(limits),
            is_disrupted: false,
        }
    }

    /// Whether no member is admitted or waits to be.
    pub(super) fn is_empty(&self) -> bool {
        self.members == 0 && self.ahead.is_empty() && self.behind.is_empty()
    }

    /// A member joins with everything up to `snapshot`.
    pub(super) fn enter(&mut self, member: M, snapshot: i64, now: Instant, actions: &mut Vec<Action<M, D>>) {
        match self.last_seq {
            Some(last) if last > snapshot && !mutant!("room-old-snapshot-not-completed") => {
                self.behind.push(member, snapshot);
                self.behind.start(last, actions);
            }
            Some(last) if last < snapshot && !self.is_empty() && !mutant!("room-new-snapshot-hears-again") => {
                self.ahead.push(member, snapshot, now);
            }
            _ => {
                self.last_seq = Some(snapshot);
                self.admit(member, actions);
            }
        }
    }

    /// A member that had entered leaves, admitted or not.
    pub(super) fn leave(&mut self, member: M, actions: &mut Vec<Action<M, D>>) {
        if self.ahead.remove(member) {
            return;
        }
        if self.behind.remove(member) {
            self.start_catch_up(actions);
        } else {
            self.members = self.members.saturating_sub(1);
        }
    }

    /// A delivery arrived, with its `seq` if it is a message.
    pub(super) fn deliver(&mut self, seq: Option<i64>, delivery: D, actions: &mut Vec<Action<M, D>>) {
        while self.waits(seq) && !self.backlog.has_room(&delivery) {
            self.give_up(actions);
        }
        if self.waits(seq) {
            self.backlog.push(seq, delivery);
        } else {
            self.pass(seq, delivery, actions);
        }
    }

    /// The broker was unreachable: messages may have been stored that no delivery will show.
    pub(super) fn disrupted(&mut self, actions: &mut Vec<Action<M, D>>) {
        mutant!("room-not-asked-after-a-disruption", return);
        if self.gap.is_some() {
            self.is_disrupted = true;
        } else {
            self.fetch_gap(actions);
        }
    }

    /// A fetch that an action asked for has ended. An answer that is not awaited any more changes nothing.
    pub(super) fn fetched(
        &mut self,
        fetch: Fetch,
        result: Result<Page<D>, Unavailable>,
        now: Instant,
        actions: &mut Vec<Action<M, D>>,
    ) {
        match fetch.purpose {
            Purpose::Gap => {
                let Some(query) = self.gap.as_mut().filter(|query| query.awaits(fetch)) else { return };
                match result {
                    Ok(page) => self.fill(page, actions),
                    Err(Unavailable) if query.retries(now) => {}
                    Err(Unavailable) => self.give_up(actions),
                }
            }
            Purpose::CatchUp => {
                self.members += self.behind.fetched(fetch, result, now, actions);
                self.start_catch_up(actions);
            }
        }
        if self.gap.is_none() {
            self.ahead.wait(now);
        }
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let retry = self.gap.as_ref().and_then(Query::due);
        retry.into_iter().chain(self.behind.due()).chain(self.ahead.due()).min()
    }

    /// Does what is due.
    pub(super) fn timeout(&mut self, now: Instant, actions: &mut Vec<Action<M, D>>) {
        actions.extend(self.gap.as_mut().and_then(|query| query.retry(now)).map(Action::Fetch));
        actions.extend(self.behind.retry(now).map(Action::Fetch));
        if self.ahead.expires(now) && self.gap.is_none() {
            self.fetch_gap(actions);
        }
    }

    /// Whether a delivery waits for the fetch: messages before it are missing, or it follows one that waits.
    fn waits(&self, seq: Option<i64>) -> bool {
        let shows_gap = || seq.zip(self.last_seq).is_some_and(|(seq, last)| seq > last + 1);
        self.gap.is_some() && (!self.backlog.is_empty() || shows_gap())
    }

    /// Passes a delivery on, unless it is a repeat or shows a gap; in that case it waits for the fetch.
    fn pass(&mut self, seq: Option<i64>, delivery: D, actions: &mut Vec<Action<M, D>>) {
        let Some(seq) = seq else { return self.emit(delivery, actions) };
        if let Some(last) = self.last_seq {
            if seq <= last && !mutant!("room-repeats-are-told") {
                return;
            }
            if seq > last + 1 && !self.is_empty() && !mutant!("room-gap-is-not-filled") {
                self.backlog.push_front(Some(seq), delivery);
                return self.fetch_gap(actions);
            }
        }
        self.emit(delivery, actions);
        self.advance(seq, actions);
    }

    /// Fetches what follows `last_seq`: up to the first message of the backlog, or all there is.
    fn fetch_gap(&mut self, actions: &mut Vec<Action<M, D>>) {
        let Some(last) = self.last_seq.filter(|_| !self.is_empty()) else { return };
        let query = Query::new(Purpose::Gap, last);
        actions.push(Action::Fetch(query.fetch()));
        self.gap = Some(query);
        self.expected = self.known();
    }

    /// Emits a page of the messages that all members lack.
    fn fill(&mut self, page: Page<D>, actions: &mut Vec<Action<M, D>>) {
        let until = self.backlog.first_seq().map(|seq| seq - 1);
        let mut is_last = page.is_last();
        for (seq, message) in page.messages {
            if until.is_some_and(|until| seq > until) {
                is_last = true;
                break;
            }
            if self.last_seq.is_none_or(|last| seq > last) {
                self.emit(message, actions);
                self.advance(seq, actions);
            }
        }
        let lacks = |seq: i64| self.last_seq.is_none_or(|last| last < seq);
        if until.is_some_and(|until| !lacks(until)) {
            self.drain(actions);
        } else if is_last && self.expected.is_some_and(lacks) {
            // Chat lacks what it had before it was asked.
            self.give_up(actions);
        } else if (!is_last || until.is_some()) && !self.is_empty() {
            self.fetch_gap(actions);
        } else {
            self.drain(actions);
        }
    }

    /// Up to where messages are known to be stored: by the first delivery that waits, and by the snapshots ahead.
    fn known(&self) -> Option<i64> {
        let before_next = self.backlog.first_seq().map(|seq| seq - 1);
        self.ahead.newest().max(before_next)
    }

    /// The messages that all members lack can't be fetched: they have to resync, and go on with what follows.
    fn give_up(&mut self, actions: &mut Vec<Action<M, D>>) {
        let reached = self.known().max(self.last_seq);
        self.members += self.behind.abandon(actions);
        if let Some(reached) = reached {
            self.admit_ahead(reached - 1, actions);
        }
        actions.push(Action::Resync(Recipients::Members));
        if let Some(reached) = reached {
            self.advance(reached, actions);
        }
        self.drain(actions);
        self.start_catch_up(actions);
    }

    /// The fetch has ended: passes on what waited for it, up to the next gap.
    fn drain(&mut self, actions: &mut Vec<Action<M, D>>) {
        self.gap = None;
        while self.gap.is_none() {
            let Some((seq, delivery)) = self.backlog.pop() else { break };
            self.pass(seq, delivery, actions);
        }
        if self.gap.is_none() && std::mem::take(&mut self.is_disrupted) {
            self.fetch_gap(actions);
        }
    }

    /// Emits to all members, and keeps it for those who are catching up.
    fn emit(&mut self, delivery: D, actions: &mut Vec<Action<M, D>>) {
        if !self.behind.has_room(&delivery) {
            self.members += self.behind.give_up(actions);
            self.start_catch_up(actions);
        }
        self.behind.follow(&delivery);
        actions.push(Action::Emit(Recipients::Members, delivery));
    }

    /// All members have everything up to `seq`.
    fn advance(&mut self, seq: i64, actions: &mut Vec<Action<M, D>>) {
        let last = self.last_seq.map_or(seq, |last| last.max(seq));
        self.last_seq = Some(last);
        self.admit_ahead(last, actions);
    }

    fn admit_ahead(&mut self, reached: i64, actions: &mut Vec<Action<M, D>>) {
        for member in self.ahead.reached(reached) {
            self.admit(member, actions);
        }
    }

    fn admit(&mut self, member: M, actions: &mut Vec<Action<M, D>>) {
        self.members += 1;
        actions.push(Action::Admit(member));
    }

    fn start_catch_up(&mut self, actions: &mut Vec<Action<M, D>>) {
        if let Some(last) = self.last_seq {
            self.behind.start(last, actions);
        }
    }
}
