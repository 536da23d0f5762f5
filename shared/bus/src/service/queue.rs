//! Which commands are run next. What has the same key is run one after another, in the order of the stream; everything
//! else goes past what is busy.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

use sinaesta_mutants::mutant;

/// What a queue needs to know of what is in it.
pub(super) trait Queued {
    /// Commands of one kind are run together.
    type Kind: Copy + Eq + Hash;

    fn kind(&self) -> Self::Kind;

    fn key(&self) -> u64;

    /// How much memory it takes.
    fn bytes(&self) -> usize;
}

/// Commands that wait, and the keys of those that are being run.
pub(super) struct Queue<T> {
    waiting: VecDeque<T>,
    busy: HashSet<u64>,
    /// Of all that wait.
    bytes: usize,
}

impl<T: Queued> Queue<T> {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), busy: HashSet::new(), bytes: 0 }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Puts commands behind all others.
    pub(super) fn push(&mut self, commands: impl IntoIterator<Item = T>) {
        for command in commands {
            self.bytes += command.bytes();
            self.waiting.push_back(command);
        }
    }

    /// Puts commands that were taken before all others again.
    pub(super) fn put_back(&mut self, commands: Vec<T>) {
        mutant!("bus-put-back-at-the-end", return self.push(commands));
        for command in commands.into_iter().rev() {
            self.bytes += command.bytes();
            self.waiting.push_front(command);
        }
    }

    /// How much memory is taken by what waits.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether anything can be run now.
    pub(super) fn is_ready(&self) -> bool {
        self.has_ready(1)
    }

    /// Whether so many commands have keys that are not busy. What waits for a key that is stuck is no reason to take nothing
    /// else.
    pub(super) fn has_ready(&self, count: usize) -> bool {
        self.waiting.len() >= count
            && self.waiting.iter().filter(|command| !self.busy.contains(&command.key())).nth(count - 1).is_some()
    }

    /// The next round: commands of one kind, at most so many as the kind allows, whose keys are busy until
    /// [`Self::release`]. None of them overtakes one with its key.
    pub(super) fn take(&mut self, most: impl Fn(T::Kind) -> usize) -> Option<(T::Kind, Vec<T>)> {
        let first = self.waiting.iter().find(|command| !self.busy.contains(&command.key()))?.kind();
        let most = most(first);
        let (mut taken, mut passed) = (Vec::new(), HashSet::new());
        let mut left = VecDeque::with_capacity(self.waiting.len());
        for command in self.waiting.drain(..) {
            let key = command.key();
            let is_free =
                !self.busy.contains(&key) && (!passed.contains(&key) || mutant!("bus-kinds-of-a-key-overtake"));
            if is_free && command.kind() == first && taken.len() < most {
                taken.push(command);
            } else {
                passed.insert(key);
                left.push_back(command);
            }
        }
        self.waiting = left;
        self.bytes -= taken.iter().map(T::bytes).sum::<usize>();
        mutant!("bus-key-run-twice-at-once", return Some((first, taken)));
        self.busy.extend(taken.iter().map(T::key));
        Some((first, taken))
    }

    /// What had these keys has been run.
    pub(super) fn release(&mut self, keys: impl IntoIterator<Item = u64>) {
        for key in keys {
            self.busy.remove(&key);
        }
    }

    /// What has this key waits until it is released.
    pub(super) fn occupy(&mut self, key: u64) {
        self.busy.insert(key);
    }

    /// Forgets what is not to be kept of what waits.
    pub(super) fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.waiting.retain(keep);
        self.bytes = self.waiting.iter().map(T::bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Item {
        number: usize,
        kind: u8,
        key: u64,
    }

    impl Queued for Item {
        type Kind = u8;

        fn kind(&self) -> u8 {
            self.kind
        }

        fn key(&self) -> u64 {
            self.key
        }

        fn bytes(&self) -> usize {
            1
        }
    }

    proptest! {
        /// Rounds end in any order, and some of what they took is put back.
        #[test]
        fn every_command_is_run_once_and_keys_keep_their_order(
            items in prop::collection::vec((0_u8..3, 0_u64..5), 0..80),
            choices in prop::collection::vec((0_usize..4, any::<bool>()), 0..400),
        ) {
            let items: Vec<_> =
                items.into_iter().enumerate().map(|(number, (kind, key))| Item { number, kind, key }).collect();
            let mut queue = Queue::new();
            queue.push(items.iter().copied());
            let (mut running, mut done): (Vec<Vec<Item>>, Vec<Item>) = (Vec::new(), Vec::new());
            let mut choices = choices.into_iter().chain(std::iter::repeat((0, false)));
            while queue.len() > 0 || !running.is_empty() {
                let (which, puts_back) = choices.next().unwrap_or_default();
                if running.len() < 3 && let Some((kind, round)) = queue.take(|_| 4) {
                    prop_assert!(round.len() <= 4 && round.iter().all(|item| item.kind == kind));
                    for other in running.iter().flatten() {
                        prop_assert!(round.iter().all(|item| item.key != other.key), "a key is run twice at once");
                    }
                    running.push(round);
                    continue;
                }
                let mut round = running.swap_remove(which % running.len());
                queue.release(round.iter().map(Item::key));
                // The first of each round is run in any case, so that it ends.
                let back = if puts_back { round.split_off(1) } else { Vec::new() };
                queue.put_back(back);
                done.extend(round);
            }
            prop_assert_eq!(done.len(), items.len());
            for key in 0..5 {
                let numbers: Vec<_> = done.iter().filter(|item| item.key == key).map(|item| item.number).collect();
                prop_assert!(numbers.is_sorted(), "key {}: {:?}", key, numbers);
            }
        }
    }

    #[test]
    fn what_is_busy_is_passed() {
        let item = |number, key| Item { number, kind: 0, key };
        let mut queue = Queue::new();
        queue.push([item(0, 1)]);
        assert!(queue.take(|_| 10).is_some());
        queue.push([item(1, 1), item(2, 2)]);
        assert!(queue.is_ready());
        assert_eq!(queue.take(|_| 10), Some((0, vec![item(2, 2)])));
        assert!(!queue.is_ready());
        assert_eq!(queue.take(|_| 10), None);
        queue.release([1]);
        assert_eq!(queue.take(|_| 10), Some((0, vec![item(1, 1)])));
    }
}
