//! The way out: an audience is heard while any local socket belongs to it, and by one task, which owns its sockets.
//! So whatever concerns a room happens one after another: what is delivered, who enters, who leaves.

mod board;
mod channel;
mod everyone;
mod inboxes;
mod measure;
mod member;
mod room;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sinaesta_bus::{Bus, BusError};
use sinaesta_clock::Clock;
use sinaesta_contracts::{Audience, UserId};
use socketioxide_core::Sid;
use tokio::sync::mpsc;

pub(crate) use channel::Place;
use channel::{Channel, Control};
use inboxes::Work;
pub(crate) use member::Member;

type Channels = Arc<Mutex<HashMap<Audience, mpsc::UnboundedSender<Control>>>>;

/// Who hears what; clones share it.
#[derive(Clone)]
pub(crate) struct Hub {
    bus: Bus,
    clock: Clock,
    channels: Channels,
    inboxes: mpsc::UnboundedSender<Work>,
}

/// Keeps an audience heard until it is used or dropped, and what is heard meanwhile for who is about to enter.
pub(crate) struct Hold {
    id: HoldId,
    channel: Option<mpsc::UnboundedSender<Control>>,
}

/// Tells the holds of a gateway apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct HoldId(u64);

impl HoldId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

impl Hold {
    /// The socket enters; `greet` hands over what it begins with, right before anything that follows.
    pub(crate) fn enter(mut self, member: Member, place: Place, greet: Box<dyn FnOnce() + Send>) {
        if let Some(channel) = self.channel.take() {
            channel.send(Control::Enter { hold: self.id, member, place, greet }).ok();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.send(Control::Release(self.id)).ok();
        }
    }
}

impl Hub {
    pub(crate) fn new(bus: Bus, clock: Clock) -> Self {
        let (inboxes, work) = mpsc::unbounded_channel();
        tokio::spawn(inboxes::run(bus.clone(), work));
        Self { bus, clock, channels: Channels::default(), inboxes }
    }

    /// Begins to hear an audience, if it is not heard already.
    pub(crate) async fn hold(&self, audience: Audience) -> Result<Hold, BusError> {
        if let Some(hold) = self.hold_known(&audience) {
            return Ok(hold);
        }
        let listener = self.bus.listen(audience.clone()).await?;
        let mut channels = self.channels.lock();
        // Somebody else may have begun meanwhile; a second task would deliver everything twice.
        let id = HoldId::next();
        if let Some(known) = channels.get(&audience)
            && known.send(Control::Hold(id)).is_ok()
        {
            return Ok(Hold { id, channel: Some(known.clone()) });
        }
        let (sender, controls) = mpsc::unbounded_channel();
        channels.insert(audience.clone(), sender.clone());
        let channel = Channel::new(
            (self.bus.clone(), self.clock.clone(), self.inboxes.clone()),
            audience,
            listener,
            controls,
            Arc::clone(&self.channels),
        );
        sender.send(Control::Hold(id)).ok();
        tokio::spawn(channel.run());
        Ok(Hold { id, channel: Some(sender) })
    }

    fn hold_known(&self, audience: &Audience) -> Option<Hold> {
        // Sent under the lock under which a channel retires, so that it is either held or gone.
        let channels = self.channels.lock();
        let (id, channel) = (HoldId::next(), channels.get(audience)?);
        channel.send(Control::Hold(id)).is_ok().then(|| Hold { id, channel: Some(channel.clone()) })
    }

    /// A socket hears what is delivered to its user, and then what is announced to everybody: its inbox, which it gets
    /// on entering there, is followed by whatever changes it.
    pub(crate) fn enter_user(&self, member: Member) {
        let this = self.clone();
        tokio::spawn(async move {
            for audience in [Audience::User(member.user), Audience::All] {
                match this.hold(audience).await {
                    Ok(hold) => hold.enter(member.clone(), Place::Anywhere, Box::new(|| {})),
                    Err(error) => {
                        tracing::warn!(%error, "a user can't be heard");
                        return drop(member.socket.disconnect());
                    }
                }
            }
        });
    }

    /// A socket hears its user no more.
    pub(crate) fn leave_user(&self, user: UserId, sid: Sid) {
        self.leave(&Audience::User(user), sid);
        self.leave(&Audience::All, sid);
    }

    /// A socket hears no more of an audience.
    pub(crate) fn leave(&self, audience: &Audience, sid: Sid) {
        if let Some(channel) = self.channels.lock().get(audience) {
            channel.send(Control::Leave { sid }).ok();
        }
    }
}
