//! The way out: this gateway is subscribed to an audience while one of its sockets belongs to it, and one task, the
//! audience's channel, owns those sockets. So all that concerns an audience happens one thing after another: deliveries,
//! sockets that join, sockets that leave.
//!
//! | | |
//! | --- | --- |
//! | `registry` | which audiences have a channel; pending joins |
//! | `channel` | the task: takes inputs, waits for timers and answers |
//! | `fanout` | one type for each kind of audience: `room`, `broadcast`, `board`, `everyone` |
//! | `sequence` | a room's order, as a state machine without I/O |
//! | `member` | one socket, its buffer, and whether it is lagging |

mod board;
mod broadcast;
mod channel;
mod everyone;
mod fanout;
mod fetch;
mod inboxes;
mod measure;
mod member;
mod registry;
mod room;
mod sequence;
mod typing;

#[cfg(test)]
mod fake;

use sinaesta_bus::{Bus, BusError};
use sinaesta_clock::Clock;
use sinaesta_contracts::chat::TypingUser;
use sinaesta_contracts::leaderboard::UserRank;
use sinaesta_contracts::{Audience, RoomId, UserId};
use socketioxide::extract::SocketRef;
use socketioxide_core::Sid;
use tokio::sync::mpsc;

use channel::Channel;
use fanout::Parts;
pub(crate) use member::Member;
pub(crate) use registry::PendingJoin;
use registry::Registry;

/// Called when a socket's user was removed from a room, before the socket is notified.
pub(crate) type OnRemoved<C = SocketRef> = fn(&C, &RoomId);

/// The state that a socket joins an audience with, as it is sent to its client.
#[derive(Debug)]
pub(crate) enum JoinState {
    /// A snapshot of a room at this `seq`, and who is typing in it.
    Room { last_seq: i64, typing: Vec<TypingUser> },
    /// So many entries of a leaderboard, and the user's own rank.
    Board { limit: u32, rank: Option<UserRank> },
    /// None that deliveries would have to follow exactly.
    Plain,
}

/// Which sockets receive what; clones share it.
#[derive(Clone)]
pub(crate) struct Hub {
    parts: Parts,
    registry: Registry,
}

impl Hub {
    pub(crate) fn new(bus: Bus, clock: Clock, on_removed: OnRemoved) -> Self {
        let (inboxes, work) = mpsc::unbounded_channel();
        tokio::spawn(inboxes::run(bus.clone(), work));
        Self { parts: Parts { bus, clock, inboxes, on_removed }, registry: Registry::default() }
    }

    /// Begins to join an audience: once this returns, whatever is delivered to it is received.
    pub(crate) async fn begin_join(&self, audience: Audience) -> Result<PendingJoin, BusError> {
        if let Some(join) = self.registry.join(&audience) {
            return Ok(join);
        }
        let listener = self.parts.bus.listen(audience.clone()).await?;
        // Another join may have opened the channel meanwhile; a second one would emit everything twice.
        let (join, controls) = self.registry.join_or_open(audience.clone());
        if let Some(controls) = controls {
            let channel = Channel::new(self.parts.clone(), audience, listener, controls, self.registry.clone());
            tokio::spawn(channel.run());
        }
        Ok(join)
    }

    /// A socket joins its user's audience, and then that of all sockets: the inbox, which it is sent on joining there, is
    /// followed by all that changes it.
    pub(crate) fn enter_user(&self, member: Member) {
        let this = self.clone();
        tokio::spawn(async move {
            for audience in [Audience::User(member.user), Audience::All] {
                match this.begin_join(audience).await {
                    Ok(join) => join.complete(member.clone(), JoinState::Plain, || {}),
                    Err(error) => {
                        tracing::warn!(%error, user.id = %member.user, "socket closed: its user can't be subscribed to");
                        return drop(member.socket.disconnect());
                    }
                }
            }
        });
    }

    /// A socket leaves its user's audience and that of all sockets.
    pub(crate) fn leave_user(&self, user: UserId, sid: Sid) {
        self.leave(&Audience::User(user), sid);
        self.leave(&Audience::All, sid);
    }

    /// A socket leaves an audience.
    pub(crate) fn leave(&self, audience: &Audience, sid: Sid) {
        self.registry.leave(audience, sid);
    }
}
