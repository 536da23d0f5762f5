//! Counting what is there, up to a maximum.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sinaesta_mutants::mutant;

/// How many there are.
#[derive(Debug)]
pub(super) struct Counter {
    count: AtomicUsize,
    max: usize,
}

/// One of them; given back when it is dropped, or before.
#[derive(Debug)]
pub(super) struct Slot {
    counter: Arc<Counter>,
    is_held: AtomicBool,
}

impl Counter {
    pub(super) const fn new(max: usize) -> Self {
        Self { count: AtomicUsize::new(0), max }
    }

    /// One more, if there may be.
    pub(super) fn take(self: &Arc<Self>) -> Option<Slot> {
        let more = |count| (count < self.max || mutant!("admission-without-bound")).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Slot { counter: Arc::clone(self), is_held: AtomicBool::new(true) })
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) const fn max(&self) -> usize {
        self.max
    }
}

impl Slot {
    /// Gives it back; once.
    pub(super) fn release(&self) {
        if self.is_held.swap(false, Ordering::Relaxed) {
            self.counter.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.release();
    }
}
