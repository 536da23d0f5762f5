//! Members whose snapshot is behind the room.
//!
//! They catch up in rounds: one fetch serves all that were behind when it began. The others go on receiving meanwhile,
//! and what they receive is kept: it follows the fetched messages, and then the round is admitted.

use std::time::Instant;

use super::backlog::Backlog;
use super::query::Query;
use super::{Action, Fetch, Limits, Page, Purpose, Recipients, Unavailable, Weight};

/// A member, and the `seq` up to which it has everything.
#[derive(Debug, Clone)]
struct Behind<M> {
    member: M,
    seq: i64,
}

#[derive(Debug, Clone)]
pub(super) struct CatchUp<M, D> {
    /// Those the fetch is for.
    round: Vec<Behind<M>>,
    /// Those of the next one.
    next: Vec<Behind<M>>,
    /// The fetch of this round; `None` between rounds.
    query: Option<Query>,
    /// Up to where it fetches: where the room was when it began.
    until: i64,
    /// What was emitted to the members since then.
    emitted: Backlog<D>,
}

impl<M: Copy + Eq, D: Clone + Weight> CatchUp<M, D> {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { round: Vec::new(), next: Vec::new(), query: None, until: 0, emitted: Backlog::new(limits) }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.round.is_empty() && self.next.is_empty()
    }

    /// A member that has everything up to `seq`.
    pub(super) fn push(&mut self, member: M, seq: i64) {
        self.next.push(Behind { member, seq });
    }

    /// False if the member is not here.
    pub(super) fn remove(&mut self, member: M) -> bool {
        let before = self.round.len() + self.next.len();
        self.round.retain(|behind| behind.member != member);
        self.next.retain(|behind| behind.member != member);
        if self.round.is_empty() {
            self.query = None;
            self.emitted.clear();
        }
        self.round.len() + self.next.len() < before
    }

    /// Begins a round, if none is under way and a member waits for one.
    pub(super) fn start(&mut self, last_seq: i64, actions: &mut Vec<Action<M, D>>) {
        let Some(oldest) = self.next.iter().map(|behind| behind.seq).min() else { return };
        if self.query.is_none() {
            self.round = std::mem::take(&mut self.next);
            self.until = last_seq;
            self.ask(oldest, actions);
        }
    }

    fn ask(&mut self, after_seq: i64, actions: &mut Vec<Action<M, D>>) {
        let query = Query::new(Purpose::CatchUp, after_seq);
        actions.push(Action::Fetch(query.fetch()));
        self.query = Some(query);
    }

    /// Whether a delivery to the members can be kept for the round.
    pub(super) fn has_room(&self, delivery: &D) -> bool {
        self.query.is_none() || self.emitted.has_room(delivery)
    }

    /// Keeps a delivery to the members for the round.
    pub(super) fn follow(&mut self, delivery: &D) {
        if self.query.is_some() {
            self.emitted.push(None, delivery.clone());
        }
    }

    /// The answer to a query; gives how many were admitted.
    pub(super) fn fetched(
        &mut self,
        fetch: Fetch,
        result: Result<Page<D>, Unavailable>,
        now: Instant,
        actions: &mut Vec<Action<M, D>>,
    ) -> usize {
        let Some(query) = self.query.as_mut().filter(|query| query.awaits(fetch)) else { return 0 };
        match result {
            Ok(page) => self.fill(fetch.after_seq, page, actions),
            Err(Unavailable) if query.retries(now) => 0,
            Err(Unavailable) => self.give_up(actions),
        }
    }

    fn fill(&mut self, after_seq: i64, page: Page<D>, actions: &mut Vec<Action<M, D>>) -> usize {
        let (is_last, mut reached) = (page.is_last(), after_seq);
        for (seq, message) in page.messages.into_iter().take_while(|(seq, _)| *seq <= self.until) {
            reached = seq;
            let lacking = self.round.iter_mut().filter(|behind| behind.seq < seq);
            let lacking: Vec<M> = lacking.map(|behind| (behind.seq = seq, behind.member).1).collect();
            if !lacking.is_empty() {
                actions.push(Action::Emit(Recipients::Joining(lacking), message));
            }
        }
        if reached >= self.until {
            return self.finish(actions);
        }
        if is_last {
            // Chat lacks what the members have.
            return self.give_up(actions);
        }
        self.ask(reached, actions);
        0
    }

    /// The round has everything up to `until`.
    fn finish(&mut self, actions: &mut Vec<Action<M, D>>) -> usize {
        while let Some((_, delivery)) = self.emitted.pop() {
            actions.push(Action::Emit(Recipients::Joining(self.members()), delivery));
        }
        self.abandon(actions)
    }

    /// What the round lacks can't be fetched: its members have to resync.
    pub(super) fn give_up(&mut self, actions: &mut Vec<Action<M, D>>) -> usize {
        actions.push(Action::Resync(Recipients::Joining(self.members())));
        self.abandon(actions)
    }

    /// Ends the round and admits its members.
    pub(super) fn abandon(&mut self, actions: &mut Vec<Action<M, D>>) -> usize {
        self.query = None;
        self.emitted.clear();
        let round = std::mem::take(&mut self.round);
        actions.extend(round.iter().map(|behind| Action::Admit(behind.member)));
        round.len()
    }

    /// When [`Self::retry`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.query.as_ref().and_then(Query::due)
    }

    /// The query, if it is to be repeated now.
    pub(super) fn retry(&mut self, now: Instant) -> Option<Fetch> {
        self.query.as_mut()?.retry(now)
    }

    fn members(&self) -> Vec<M> {
        self.round.iter().map(|behind| behind.member).collect()
    }
}
