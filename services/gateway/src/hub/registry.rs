//! The channels of a gateway: one for each audience that a socket is in or is about to join.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sinaesta_contracts::Audience;
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tokio::sync::mpsc;

use super::JoinState;
use super::channel::Control;
use super::member::Member;

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry(Arc<Mutex<HashMap<Audience, mpsc::UnboundedSender<Control>>>>);

/// A socket is about to join an audience. Until it does, or this is dropped, the gateway stays subscribed to the audience
/// and keeps its deliveries for the socket.
#[derive(Debug)]
pub(crate) struct PendingJoin {
    id: JoinId,
    channel: Option<mpsc::UnboundedSender<Control>>,
}

/// Identifies a pending join on this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct JoinId(u64);

impl JoinId {
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

impl PendingJoin {
    /// `None` if the channel has ended.
    fn begin(channel: &mpsc::UnboundedSender<Control>) -> Option<Self> {
        let id = JoinId::next();
        channel.send(Control::Begin(id)).is_ok().then(|| Self { id, channel: Some(channel.clone()) })
    }

    /// The socket joins; `greet` sends it the state it joins with, right before the deliveries that follow.
    pub(crate) fn complete(mut self, member: Member, state: JoinState, greet: impl FnOnce() + Send + 'static) {
        if let Some(channel) = self.channel.take() {
            let greet = Box::new(greet);
            channel.send(Control::Complete { join: self.id, member, state, greet }).ok();
        }
    }
}

impl Drop for PendingJoin {
    fn drop(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.send(Control::Cancel(self.id)).ok();
        }
    }
}

impl Registry {
    /// Begins to join an audience that has a channel.
    pub(super) fn join(&self, audience: &Audience) -> Option<PendingJoin> {
        // Under the lock under which a channel retires: it either stays for this, or is not found.
        self.0.lock().get(audience).and_then(PendingJoin::begin)
    }

    /// Begins to join an audience; where it has no channel, with the controls of the one to start.
    pub(super) fn join_or_open(&self, audience: Audience) -> (PendingJoin, Option<mpsc::UnboundedReceiver<Control>>) {
        let mut channels = self.0.lock();
        if let Some(join) = channels.get(&audience).and_then(PendingJoin::begin) {
            return (join, None);
        }
        let (channel, controls) = mpsc::unbounded_channel();
        let id = JoinId::next();
        channel.send(Control::Begin(id)).ok();
        channels.insert(audience, channel.clone());
        (PendingJoin { id, channel: Some(channel) }, Some(controls))
    }

    pub(super) fn leave(&self, audience: &Audience, sid: Sid) {
        if let Some(channel) = self.0.lock().get(audience) {
            channel.send(Control::Leave { sid }).ok();
        }
    }

    /// Removes a channel that has no sockets, unless a join has begun meanwhile.
    pub(super) fn retire(&self, audience: &Audience, controls: &mpsc::UnboundedReceiver<Control>) -> bool {
        let mut channels = self.0.lock();
        let is_unused = controls.is_empty() || mutant!("audience-ends-before-somebody-enters");
        if is_unused {
            channels.remove(audience);
        }
        is_unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_with_a_pending_join_does_not_end() {
        let registry = Registry::default();
        let (first, controls) = registry.join_or_open(Audience::Groups);
        let mut controls = controls.expect("it had no channel");
        drop(first);
        while controls.try_recv().is_ok() {}

        let second = registry.join(&Audience::Groups).expect("it is still there");
        assert!(!registry.retire(&Audience::Groups, &controls), "it has a pending join");
        drop(second);
        while controls.try_recv().is_ok() {}
        assert!(registry.retire(&Audience::Groups, &controls));
        assert!(registry.join(&Audience::Groups).is_none(), "the next one opens another channel");
    }

    #[test]
    fn two_that_open_an_audience_at_once_share_one_channel() {
        let registry = Registry::default();
        let (first, controls) = registry.join_or_open(Audience::All);
        let (second, other) = registry.join_or_open(Audience::All);
        assert!(other.is_none());
        assert_eq!(controls.map(|controls| controls.len()), Some(2));
        drop((first, second));
    }

    #[test]
    fn a_channel_that_ended_by_itself_is_opened_again() {
        let registry = Registry::default();
        drop(registry.join_or_open(Audience::All));
        assert!(registry.join(&Audience::All).is_none());
        assert!(registry.join_or_open(Audience::All).1.is_some());
    }
}
