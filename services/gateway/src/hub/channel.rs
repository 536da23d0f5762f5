//! The task of one audience.

use std::collections::HashMap;
use std::time::Duration;

use sinaesta_bus::{Delivery, Listener};
use sinaesta_contracts::Audience;
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::JoinState;
use super::fanout::{Fanout, Parts};
use super::member::Member;
use super::registry::{JoinId, Registry};

/// How many deliveries are kept for a pending join.
const MAX_KEPT: usize = 1_000;

/// What other tasks ask of a channel.
pub(super) enum Control {
    /// A socket is about to join.
    Begin(JoinId),
    /// It does not.
    Cancel(JoinId),
    /// It joins.
    Complete { join: JoinId, member: Member, state: JoinState, greet: Box<dyn FnOnce() + Send> },
    /// It leaves.
    Leave { sid: Sid },
}

/// Subscribes to one audience for the sockets that belong to it. All that concerns the audience happens in this task, one
/// thing after another.
pub(super) struct Channel {
    audience: Audience,
    listener: Listener,
    controls: mpsc::UnboundedReceiver<Control>,
    registry: Registry,
    disruptions: watch::Receiver<u64>,
    fanout: Fanout,
    pending: PendingJoins,
}

impl Channel {
    /// A channel without sockets.
    pub(super) fn new(
        parts: Parts,
        audience: Audience,
        listener: Listener,
        controls: mpsc::UnboundedReceiver<Control>,
        registry: Registry,
    ) -> Self {
        let mut disruptions = parts.bus.disruptions();
        disruptions.mark_unchanged();
        let fanout = Fanout::new(parts, &audience);
        Self { fanout, audience, listener, controls, registry, disruptions, pending: PendingJoins::default() }
    }

    /// Runs while a socket belongs to the audience or is about to.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.fanout.due().map(Instant::from_std);
            // Deliveries come last: they wait in the subscription, and must not keep an answer or a timer waiting.
            tokio::select! {
                biased;
                control = self.controls.recv() => match control {
                    Some(control) => self.control(control),
                    None => return,
                },
                fetched = self.fanout.next_fetched() => self.fanout.fetched(fetched),
                Ok(()) = self.disruptions.changed() => self.fanout.disrupted().await,
                () = sleep_until(due.unwrap_or_else(far)), if due.is_some() => self.fanout.timeout().await,
                arrival = self.listener.next() => {
                    // The connection is closed for good: the gateway is shutting down.
                    let Some(arrival) = arrival else { return };
                    for delivery in self.listener.accept(arrival).await {
                        if self.fanout.keeps_for_pending() {
                            self.pending.keep(&delivery);
                        }
                        self.fanout.deliver(delivery).await;
                    }
                }
            }
            if self.pending.is_empty() && self.fanout.is_empty() && self.registry.retire(&self.audience, &self.controls)
            {
                return;
            }
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Begin(join) => self.pending.begin(join),
            Control::Cancel(join) => drop(self.pending.end(join)),
            Control::Complete { join, member, state, greet } => {
                let meanwhile = self.pending.end(join);
                self.fanout.enter(member, state, greet, &meanwhile);
            }
            Control::Leave { sid } => self.fanout.leave(sid),
        }
    }
}

/// Pending joins, each with the deliveries since it began: the state a socket joins with may be older.
#[derive(Debug, Default)]
struct PendingJoins(HashMap<JoinId, Vec<Delivery>>);

impl PendingJoins {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn begin(&mut self, join: JoinId) {
        self.0.insert(join, Vec::new());
    }

    fn keep(&mut self, delivery: &Delivery) {
        mutant!("audience-forgets-what-came-while-entering", return);
        for kept in self.0.values_mut().filter(|kept| kept.len() < MAX_KEPT) {
            kept.push(delivery.clone());
        }
    }

    fn end(&mut self, join: JoinId) -> Vec<Delivery> {
        self.0.remove(&join).unwrap_or_default()
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hub::fake::delivery;

    #[test]
    fn what_comes_while_a_join_is_pending_is_kept_for_it_from_its_beginning_and_within_bounds() {
        let (mut pending, early, late) = (PendingJoins::default(), JoinId::next(), JoinId::next());
        let update = delivery("exam-monitor-update", &json!({}));
        pending.begin(early);
        pending.keep(&update);
        pending.begin(late);
        pending.keep(&update);
        assert_eq!((pending.end(early).len(), pending.end(late).len()), (2, 1));
        assert!(pending.is_empty());

        pending.begin(early);
        (0..MAX_KEPT + 10).for_each(|_| pending.keep(&update));
        assert_eq!(pending.end(early).len(), MAX_KEPT);
    }
}
