//! A room, its messages in chat, and the members of a [`Sequence`], for its tests: what each member received is checked
//! with every action.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Action, Fetch, Limits, Page, Recipients, Sequence, Unavailable, Weight};

/// A delivery: a message by its `seq`, or one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Message(i64),
    Signal(u32),
}

impl Weight for Sent {
    fn bytes(&self) -> usize {
        100
    }
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Chat stores a message.
    Store,
    /// The next message in the broker's order is delivered.
    Deliver,
    /// It is lost on the way.
    Lose,
    /// A stored message is delivered out of order, for the first time or again: so many before the last one.
    DeliverOld(i64),
    /// Something without a `seq` is delivered.
    Signal,
    /// A member joins, or joins again, with a snapshot that is so many messages old.
    Join {
        member: u8,
        age: i64,
    },
    Leave(u8),
    /// A fetch is answered by a page of so many messages, read when it was asked for or only now.
    Answer {
        which: usize,
        page: i64,
        is_late: bool,
    },
    /// A fetch fails.
    Fail {
        which: usize,
    },
    /// The broker was unreachable.
    Disrupt,
    /// So many milliseconds pass.
    Wait(u64),
}

/// What a member has.
#[derive(Debug, Clone)]
struct Received {
    last_seq: i64,
    is_admitted: bool,
    /// It has to resync, and has received no message since.
    is_resyncing: bool,
}

impl Received {
    fn take(&mut self, seq: i64) {
        let follows = seq == self.last_seq + 1 || (self.is_resyncing && seq > self.last_seq);
        assert!(follows, "{seq} after {self:?}");
        (self.last_seq, self.is_resyncing) = (seq, false);
    }
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    sequence: Sequence<u8, Sent>,
    now: Instant,
    /// The `seq` of the last message in chat.
    stored: i64,
    /// That of the last one in the broker's order which was delivered or lost.
    passed: i64,
    /// How many were delivered and emitted of those without a `seq`.
    signals: (u32, u32),
    members: BTreeMap<u8, Received>,
    /// The queries under way, with what was stored when they were sent.
    fetches: Vec<(Fetch, i64)>,
    pub(super) resyncs: usize,
}

impl Model {
    /// A room of `stored` messages.
    pub(super) fn new(stored: i64, limits: Limits) -> Self {
        Self {
            sequence: Sequence::new(limits),
            now: Instant::now(),
            stored,
            passed: stored,
            signals: (0, 0),
            members: BTreeMap::new(),
            fetches: Vec::new(),
            resyncs: 0,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        let mut actions = Vec::new();
        match step {
            Step::Store => self.stored += 1,
            Step::Deliver if self.passed < self.stored => {
                self.passed += 1;
                self.sequence.deliver(Some(self.passed), Sent::Message(self.passed), &mut actions);
            }
            Step::Lose => self.passed = self.stored.min(self.passed + 1),
            Step::DeliverOld(age) if self.stored > age => {
                let seq = self.stored - age;
                self.sequence.deliver(Some(seq), Sent::Message(seq), &mut actions);
            }
            Step::Signal => {
                self.sequence.deliver(None, Sent::Signal(self.signals.0), &mut actions);
                self.signals.0 += 1;
            }
            Step::Join { member, age } => {
                self.step(Step::Leave(member));
                let last_seq = (self.stored - age).max(0);
                self.members.insert(member, Received { last_seq, is_admitted: false, is_resyncing: false });
                self.sequence.enter(member, last_seq, self.now, &mut actions);
            }
            Step::Leave(member) => {
                if self.members.remove(&member).is_some() {
                    self.sequence.leave(member, &mut actions);
                }
            }
            Step::Answer { which, page, is_late } if which < self.fetches.len() => {
                let (fetch, asked_at) = self.fetches.remove(which);
                let stored = if is_late { self.stored } else { asked_at };
                let until = stored.min(fetch.after_seq + page);
                let messages = (fetch.after_seq + 1..=until).map(|seq| (seq, Sent::Message(seq))).collect();
                let page = Page { messages, has_more: stored > until };
                self.sequence.fetched(fetch, Ok(page), self.now, &mut actions);
            }
            Step::Fail { which } if which < self.fetches.len() => {
                let (fetch, _) = self.fetches.remove(which);
                self.sequence.fetched(fetch, Err(Unavailable), self.now, &mut actions);
            }
            Step::Disrupt => self.sequence.disrupted(&mut actions),
            Step::Wait(ms) => {
                self.now += Duration::from_millis(ms);
                self.sequence.timeout(self.now, &mut actions);
            }
            // There is nothing to deliver or to answer.
            Step::Deliver | Step::DeliverOld(_) | Step::Answer { .. } | Step::Fail { .. } => {}
        }
        actions.into_iter().for_each(|action| self.perform(action));
        let admitted = self.members.values().filter(|one| one.is_admitted).count();
        assert_eq!(self.sequence.members, admitted);
        assert_eq!(self.sequence.is_empty(), self.members.is_empty());
    }

    fn perform(&mut self, action: Action<u8, Sent>) {
        match action {
            Action::Emit(to, Sent::Message(seq)) => self.recipients(to).for_each(|member| member.take(seq)),
            Action::Emit(Recipients::Members, Sent::Signal(n)) => {
                assert_eq!(n, self.signals.1, "those without a `seq` keep their order, each once");
                self.signals.1 += 1;
            }
            Action::Emit(Recipients::Joining(_), Sent::Signal(n)) => assert!(n < self.signals.1),
            Action::Admit(member) => {
                let member = self.members.get_mut(&member).expect("it has not left");
                assert!(!std::mem::replace(&mut member.is_admitted, true), "it is admitted once");
            }
            Action::Resync(to) => {
                self.resyncs += 1;
                self.recipients(to).for_each(|member| member.is_resyncing = true);
            }
            Action::Fetch(fetch) => {
                self.fetches.retain(|(before, _)| before.purpose != fetch.purpose);
                self.fetches.push((fetch, self.stored));
            }
        }
    }

    fn recipients(&mut self, to: Recipients<u8>) -> impl Iterator<Item = &mut Received> {
        self.members.iter_mut().filter_map(move |(id, member)| {
            let is_meant = match &to {
                Recipients::Members => member.is_admitted,
                Recipients::Joining(ids) => {
                    assert!(!ids.contains(id) || !member.is_admitted, "{id} is a member already");
                    ids.contains(id)
                }
            };
            is_meant.then_some(member)
        })
    }

    /// Nothing happens any more but that the last disruption is noticed, fetches are answered and time passes: each
    /// member has everything, or has to resync.
    pub(super) fn settle(&mut self) {
        self.step(Step::Disrupt);
        for _ in 0..1_000 {
            match self.sequence.due() {
                _ if !self.fetches.is_empty() => self.step(Step::Answer { which: 0, page: 3, is_late: true }),
                Some(due) => {
                    self.now = due;
                    self.step(Step::Wait(0));
                }
                None => break,
            }
        }
        assert!(self.fetches.is_empty() && self.sequence.due().is_none() && self.sequence.gap.is_none(), "{self:?}");
        assert_eq!(self.signals.0, self.signals.1, "nothing waits for ever");
        for (id, member) in &self.members {
            assert!(member.is_admitted, "{id} waits for ever: {self:?}");
            assert!(member.last_seq == self.stored || member.is_resyncing, "{id} lacks messages: {self:?}");
        }
    }
}
