//! Members whose snapshot is ahead of the room: each has the deliveries that are still to come up to there.

use std::time::{Duration, Instant};

/// How long a snapshot may be ahead of the room before the difference is fetched.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Debug, Clone)]
pub(super) struct Ahead<M> {
    /// With the `seq` of their snapshots.
    members: Vec<(M, i64)>,
    /// When the difference is fetched.
    patience: Option<Instant>,
}

impl<M: Copy + Eq> Ahead<M> {
    pub(super) const fn new() -> Self {
        Self { members: Vec::new(), patience: None }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn push(&mut self, member: M, snapshot: i64, now: Instant) {
        self.members.push((member, snapshot));
        self.wait(now);
    }

    /// False if the member is not here.
    pub(super) fn remove(&mut self, member: M) -> bool {
        let Some(at) = self.members.iter().position(|(waiting, _)| *waiting == member) else { return false };
        self.members.swap_remove(at);
        self.stop_if_empty();
        true
    }

    /// Takes those whose snapshot the room has reached.
    pub(super) fn reached(&mut self, seq: i64) -> Vec<M> {
        if self.is_empty() {
            return Vec::new();
        }
        let reached = self.members.extract_if(.., |(_, snapshot)| *snapshot <= seq);
        let reached = reached.map(|(member, _)| member).collect();
        self.stop_if_empty();
        reached
    }

    /// The newest of the snapshots.
    pub(super) fn newest(&self) -> Option<i64> {
        self.members.iter().map(|(_, snapshot)| *snapshot).max()
    }

    /// Waits for the room to reach the snapshots from now on, unless that has begun.
    pub(super) fn wait(&mut self, now: Instant) {
        if !self.is_empty() {
            self.patience.get_or_insert(now + PATIENCE);
        }
    }

    /// When [`Self::expires`] is due.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.patience
    }

    /// Whether the wait has ended without it.
    pub(super) fn expires(&mut self, now: Instant) -> bool {
        self.patience.take_if(|until| *until <= now).is_some()
    }

    fn stop_if_empty(&mut self) {
        self.patience = self.patience.filter(|_| !self.members.is_empty());
    }
}
