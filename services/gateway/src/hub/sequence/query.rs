//! A query to chat that is repeated when it fails, after a pause that grows, a bounded number of times.

use std::time::{Duration, Instant};

use super::{Fetch, Purpose};

/// How often one page is asked for.
pub(super) const ATTEMPTS: u32 = 5;
/// How long after the first failure the query is repeated; after the second twice as long, and so on.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// The query that a fetch is at.
#[derive(Debug, Clone)]
pub(super) struct Query {
    fetch: Fetch,
    failures: u32,
    /// When it is repeated; `None` while its answer is awaited.
    retry_at: Option<Instant>,
}

impl Query {
    pub(super) const fn new(purpose: Purpose, after_seq: i64) -> Self {
        Self { fetch: Fetch { purpose, after_seq }, failures: 0, retry_at: None }
    }

    pub(super) const fn fetch(&self) -> Fetch {
        self.fetch
    }

    /// Whether this is the answer that is awaited.
    pub(super) fn awaits(&self, fetch: Fetch) -> bool {
        self.fetch == fetch && self.retry_at.is_none()
    }

    /// The query failed; false if that was the last attempt.
    pub(super) fn retries(&mut self, now: Instant) -> bool {
        self.failures += 1;
        self.retry_at = Some(now + PAUSE * self.failures);
        self.failures < ATTEMPTS
    }

    /// When [`Self::retry`] is due.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The query, if it is to be repeated now.
    pub(super) fn retry(&mut self, now: Instant) -> Option<Fetch> {
        self.retry_at.take_if(|at| *at <= now).map(|_| self.fetch)
    }
}
