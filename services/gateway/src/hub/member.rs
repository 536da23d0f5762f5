//! One socket in an audience.

use serde::Serialize;
use serde_json::value::RawValue;
use sinaesta_contracts::session::ResyncRequired;
use sinaesta_contracts::{RoomId, ServerEvent as _, UserId};
use sinaesta_mutants::mutant;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};
use socketioxide_core::Sid;

/// What the hub needs of a socket.
pub(crate) trait Connection: Clone {
    fn sid(&self) -> Sid;
    fn is_connected(&self) -> bool;
    /// How many bytes are buffered for the client.
    fn buffered_bytes(&self) -> usize;
    fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), SendError>;
}

impl Connection for SocketRef {
    fn sid(&self) -> Sid {
        self.id
    }

    fn is_connected(&self) -> bool {
        self.connected()
    }

    fn buffered_bytes(&self) -> usize {
        (**self).buffered_bytes()
    }

    fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), SendError> {
        (**self).emit(event, payload)
    }
}

/// A socket and its user.
#[derive(Debug, Clone)]
pub(crate) struct Member<C = SocketRef> {
    pub(crate) socket: C,
    pub(crate) user: UserId,
    /// How many bytes may be buffered for the socket before deliveries to it are dropped.
    pub(crate) buffer_bytes: usize,
}

/// What became of a delivery to one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emitted {
    /// It is in the socket's buffer.
    Buffered,
    /// The buffer is full.
    Full,
    /// The connection is closed.
    Closed,
    /// The delivery can't be serialised.
    Failed,
}

impl<C: Connection> Member<C> {
    /// Emits a delivery. Of the socket's buffer only a part is for deliveries: the rest is for replies.
    pub(super) fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Emitted {
        if self.socket.buffered_bytes() >= self.buffer_bytes && !mutant!("room-slow-reader-without-bound") {
            return self.full();
        }
        match self.socket.emit(event, payload) {
            Ok(()) => Emitted::Buffered,
            Err(SendError::Socket(SocketError::InternalChannelFull)) => self.full(),
            Err(SendError::Socket(SocketError::Closed)) => Emitted::Closed,
            Err(SendError::Serialize(error)) => {
                tracing::error!(%error, event, user.id = %self.user, "delivery dropped: it can't be serialised");
                Emitted::Failed
            }
        }
    }

    fn full(&self) -> Emitted {
        metrics::counter!("gateway_buffer_overflows_total").increment(1);
        Emitted::Full
    }
}

/// A member of a room, and whether a delivery to it was dropped.
#[derive(Debug)]
pub(super) struct Subscriber<C> {
    pub(super) member: Member<C>,
    /// A delivery was dropped because its buffer was full: it is sent `resync-required` before anything else.
    pub(super) is_lagging: bool,
}

impl<C: Connection> Subscriber<C> {
    pub(super) const fn new(member: Member<C>) -> Self {
        Self { member, is_lagging: false }
    }

    /// Emits a delivery; a socket that can't take it is lagging from then on.
    pub(super) fn emit(&mut self, room: &RoomId, event: &str, payload: &RawValue) -> Emitted {
        if self.is_lagging && !self.resync(room) {
            return Emitted::Full;
        }
        let emitted = self.member.emit(event, payload);
        if emitted == Emitted::Full {
            self.is_lagging = !mutant!("room-slow-reader-not-told");
        }
        emitted
    }

    /// Sends `resync-required`; false, and lagging, while there is no room even for that.
    pub(super) fn resync(&mut self, room: &RoomId) -> bool {
        let event = ResyncRequired { room_id: room.clone() };
        self.is_lagging = self.member.emit(ResyncRequired::NAME, &event) == Emitted::Full;
        !self.is_lagging
    }
}
