//! The task of one audience.

use std::time::Duration;

use sinaesta_bus::{Bus, Listener};
use sinaesta_clock::Clock;
use sinaesta_contracts::{Audience, UserId};
use socketioxide_core::Sid;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::Channels;
use super::member::Member;
use super::room::Room;

/// What a channel is told.
pub(super) enum Control {
    /// Somebody is about to enter.
    Hold,
    /// They did not.
    Release,
    /// A socket enters, which ends its hold; in a room with a snapshot up to `last_seq`.
    Enter { member: Member, last_seq: Option<i64>, greet: Box<dyn FnOnce() + Send> },
    /// A socket leaves; `left` is told how many sockets of that user remain.
    Leave { sid: Sid, left: Option<(UserId, oneshot::Sender<usize>)> },
}

/// Hears one audience for the sockets that belong to it.
pub(super) struct Channel {
    audience: Audience,
    listener: Listener,
    controls: mpsc::UnboundedReceiver<Control>,
    channels: Channels,
    disruptions: watch::Receiver<u64>,
    room: Room,
    holds: usize,
}

impl Channel {
    /// A channel with one hold.
    pub(super) fn new(
        (bus, clock): (Bus, Clock),
        audience: Audience,
        listener: Listener,
        controls: mpsc::UnboundedReceiver<Control>,
        channels: Channels,
    ) -> Self {
        let mut disruptions = bus.disruptions();
        disruptions.mark_unchanged();
        let id = if let Audience::Room(id) = &audience { Some(id.clone()) } else { None };
        Self { room: Room::new(bus, clock, id), audience, listener, controls, channels, disruptions, holds: 1 }
    }

    /// Runs while anybody listens or is about to.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.room.due();
            tokio::select! {
                biased;
                control = self.controls.recv() => match control {
                    Some(control) => self.control(control).await,
                    None => return,
                },
                arrival = self.listener.next() => {
                    // Without a connection there is nothing more to hear, ever: the gateway is shutting down.
                    let Some(arrival) = arrival else { return };
                    for delivery in self.listener.accept(arrival).await {
                        self.room.deliver(delivery).await;
                    }
                }
                Ok(()) = self.disruptions.changed() => self.room.catch_up().await,
                () = sleep_until(due.unwrap_or_else(far)), if due.is_some() => self.room.on_time().await,
            }
            if self.holds == 0 && self.room.is_empty() && self.retire() {
                return;
            }
        }
    }

    async fn control(&mut self, control: Control) {
        match control {
            Control::Hold => self.holds += 1,
            Control::Release => self.holds = self.holds.saturating_sub(1),
            Control::Enter { member, last_seq, greet } => {
                self.holds = self.holds.saturating_sub(1);
                self.room.enter(member, last_seq, greet).await;
            }
            Control::Leave { sid, left } => {
                self.room.leave(sid);
                if let Some((user, sender)) = left {
                    sender.send(self.room.sockets_of(user)).ok();
                }
            }
        }
    }

    /// Ends this channel unless somebody has begun to enter: both happen under the same lock.
    fn retire(&mut self) -> bool {
        let mut channels = self.channels.lock();
        if self.controls.is_empty() {
            channels.remove(&self.audience);
            return true;
        }
        false
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}
