//! One example for each rule of a [`Sequence`](super::Sequence).

mod gaps;
mod joins;

use std::time::Instant;

use super::ahead::PATIENCE;
use super::query::{ATTEMPTS, PAUSE};
use super::{Action, Fetch, Limits, Page, Purpose, Recipients, Sequence, Unavailable, Weight};

const ROOMY: Limits = Limits { deliveries: 100, bytes: 100_000 };

impl Weight for &'static str {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// A room whose actions are written out: `all: two` is a delivery to the members, `ann: two` one to a member that is still
/// joining.
struct Room {
    sequence: Sequence<&'static str, &'static str>,
    now: Instant,
}

type Actions = Vec<Action<&'static str, &'static str>>;

impl Room {
    /// A room at `last_seq`, with the member `ann`.
    fn at(last_seq: i64) -> Self {
        Self::within(ROOMY, last_seq)
    }

    fn within(limits: Limits, last_seq: i64) -> Self {
        let mut room = Self { sequence: Sequence::new(limits), now: Instant::now() };
        assert_eq!(room.enter("ann", last_seq), ["admit ann"]);
        room
    }

    fn enter(&mut self, member: &'static str, snapshot: i64) -> Vec<String> {
        let now = self.now;
        self.run(|sequence, actions| sequence.enter(member, snapshot, now, actions))
    }

    fn leave(&mut self, member: &'static str) -> Vec<String> {
        self.run(|sequence, actions| sequence.leave(member, actions))
    }

    fn deliver(&mut self, seq: i64, text: &'static str) -> Vec<String> {
        self.run(|sequence, actions| sequence.deliver(Some(seq), text, actions))
    }

    fn signal(&mut self, text: &'static str) -> Vec<String> {
        self.run(|sequence, actions| sequence.deliver(None, text, actions))
    }

    fn disrupted(&mut self) -> Vec<String> {
        self.run(Sequence::disrupted)
    }

    fn answer(
        &mut self,
        purpose: Purpose,
        after_seq: i64,
        messages: &[(i64, &'static str)],
        has_more: bool,
    ) -> Vec<String> {
        let page = Page { messages: messages.to_vec(), has_more };
        self.fetched(Fetch { purpose, after_seq }, Ok(page))
    }

    fn fail(&mut self, purpose: Purpose, after_seq: i64) -> Vec<String> {
        self.fetched(Fetch { purpose, after_seq }, Err(Unavailable))
    }

    fn fetched(&mut self, fetch: Fetch, result: Result<Page<&'static str>, Unavailable>) -> Vec<String> {
        let now = self.now;
        self.run(|sequence, actions| sequence.fetched(fetch, result, now, actions))
    }

    /// Goes on to when something is due.
    fn wait(&mut self) -> Vec<String> {
        self.now = self.sequence.due().expect("something is due");
        let now = self.now;
        self.run(|sequence, actions| sequence.timeout(now, actions))
    }

    /// All attempts at a query fail; what the last failure leads to.
    fn fail_for_good(&mut self, purpose: Purpose, after_seq: i64) -> Vec<String> {
        for _ in 1..ATTEMPTS {
            assert_eq!(self.fail(purpose, after_seq), NOTHING);
            let repeated = std::iter::repeat_with(|| self.wait()).find(|actions| !actions.is_empty());
            assert_eq!(repeated, Some(vec![fetch(purpose, after_seq)]));
        }
        self.fail(purpose, after_seq)
    }

    fn run(&mut self, input: impl FnOnce(&mut Sequence<&'static str, &'static str>, &mut Actions)) -> Vec<String> {
        let mut actions = Vec::new();
        input(&mut self.sequence, &mut actions);
        let to = |to: Recipients<&'static str>| match to {
            Recipients::Members => "all".to_owned(),
            Recipients::Joining(members) => members.join("+"),
        };
        let written = actions.into_iter().map(|action| match action {
            Action::Emit(recipients, text) => format!("{}: {text}", to(recipients)),
            Action::Admit(member) => format!("admit {member}"),
            Action::Resync(recipients) => format!("resync {}", to(recipients)),
            Action::Fetch(Fetch { purpose, after_seq }) => fetch(purpose, after_seq),
        });
        written.collect()
    }
}

const NOTHING: [&str; 0] = [];

fn fetch(purpose: Purpose, after_seq: i64) -> String {
    format!("fetch {purpose:?} after {after_seq}")
}
