//! Deliveries that wait for a fetch.

use std::collections::VecDeque;

/// How much may wait for one fetch.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct Limits {
    pub(in crate::hub) deliveries: usize,
    pub(in crate::hub) bytes: usize,
}

/// What a delivery counts against [`Limits::bytes`].
pub(in crate::hub) trait Weight {
    fn bytes(&self) -> usize;
}

/// A bounded queue of deliveries, each with its `seq` if it is a message.
#[derive(Debug, Clone)]
pub(super) struct Backlog<D> {
    limits: Limits,
    deliveries: VecDeque<(Option<i64>, D)>,
    bytes: usize,
}

impl<D: Weight> Backlog<D> {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, deliveries: VecDeque::new(), bytes: 0 }
    }

    /// Whether there is room for one more. There always is for a single one.
    pub(super) fn has_room(&self, delivery: &D) -> bool {
        let (count, bytes) = (self.deliveries.len() + 1, self.bytes + delivery.bytes());
        self.is_empty() || (count <= self.limits.deliveries && bytes <= self.limits.bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(super) fn push(&mut self, seq: Option<i64>, delivery: D) {
        self.bytes += delivery.bytes();
        self.deliveries.push_back((seq, delivery));
    }

    /// Puts back what was popped.
    pub(super) fn push_front(&mut self, seq: Option<i64>, delivery: D) {
        self.bytes += delivery.bytes();
        self.deliveries.push_front((seq, delivery));
    }

    pub(super) fn pop(&mut self) -> Option<(Option<i64>, D)> {
        let popped = self.deliveries.pop_front()?;
        self.bytes -= popped.1.bytes();
        Some(popped)
    }

    /// The `seq` of the first message.
    pub(super) fn first_seq(&self) -> Option<i64> {
        self.deliveries.iter().find_map(|(seq, _)| *seq)
    }

    pub(super) fn clear(&mut self) {
        self.deliveries = VecDeque::new();
        self.bytes = 0;
    }
}
