//! What this process waits for right now, and since when: the only retries without a bound are those that stand here,
//! where metrics, alerts and the operators' port show them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::gauge;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What work can't go on without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// NATS.
    Broker,
    /// Postgres.
    Database,
}

impl Dependency {
    /// The name in metrics and on the operators' port.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Database => "database",
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct Entry {
    who: String,
    on: Dependency,
    reason: String,
    since: Instant,
}

#[derive(Default)]
struct Entries {
    next: u64,
    of: BTreeMap<u64, Entry>,
}

/// The register of one connection; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<Entries>>);

/// Something waits for as long as this is kept.
pub(crate) struct Wait {
    register: Waiting,
    number: u64,
    on: Dependency,
}

impl Waiting {
    /// `who` begins to wait, for the stated reason.
    pub(crate) fn begin(&self, who: String, on: Dependency, reason: String) -> Wait {
        tracing::warn!(who, %on, reason, "waiting for a dependency; retrying until it is back");
        let mut entries = self.0.lock();
        let number = entries.next;
        entries.next += 1;
        entries.of.insert(number, Entry { who, on, reason, since: Instant::now() });
        drop(entries);
        self.measure(on);
        Wait { register: self.clone(), number, on }
    }

    /// Shown from the beginning, so that an alert sees a change.
    pub(crate) fn measure(&self, on: Dependency) {
        let count = self.0.lock().of.values().filter(|entry| entry.on == on).count();
        gauge!("bus_waiting", "on" => on.as_str()).set(count as f64);
    }

    /// What waits, oldest first, as the operators' port shows it.
    pub(crate) fn describe(&self) -> Value {
        let entries = self.0.lock();
        let describe = |entry: &Entry| {
            let seconds = entry.since.elapsed().as_secs_f64();
            json!({ "who": entry.who, "on": entry.on.as_str(), "seconds": seconds, "reason": entry.reason })
        };
        entries.of.values().map(describe).collect()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let ended = self.register.0.lock().of.remove(&self.number);
        self.register.measure(self.on);
        if let Some(entry) = ended {
            let waited_ms = entry.since.elapsed().as_millis();
            tracing::info!(who = entry.who, on = %entry.on, waited_ms, "no longer waiting for the dependency");
        }
    }
}

/// Growing pauses between tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The next pause: each twice as long as the one before, up to the longest.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_shown_until_it_waits_no_more() {
        let waiting = Waiting::default();
        let first = waiting.begin("commands of partition 3".into(), Dependency::Database, "refused".into());
        let second = waiting.begin("events".into(), Dependency::Broker, "no answer".into());
        assert_eq!(waiting.describe()[0]["on"], "database");
        drop(first);
        assert_eq!(waiting.describe()[0]["on"], "broker");
        drop(second);
        assert_eq!(waiting.describe(), json!([]));
    }

    #[test]
    fn pauses_grow_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(150));
        assert_eq!([backoff.pause(), backoff.pause(), backoff.pause()].map(|pause| pause.as_millis()), [50, 100, 150]);
    }
}
