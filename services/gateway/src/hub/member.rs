//! One socket in an audience.

use serde::Serialize;
use serde_json::value::RawValue;
use sinaesta_contracts::session::ResyncRequired;
use sinaesta_contracts::{RoomId, ServerEvent as _, UserId};
use sinaesta_mutants::mutant;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};

/// A socket and whose it is.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) socket: SocketRef,
    pub(crate) user: UserId,
    /// How many bytes may wait for it before it is told nothing more.
    pub(crate) buffer_bytes: usize,
}

impl Member {
    /// Emits what it did not ask for: of its buffer only a part is for that.
    fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), SendError> {
        if self.socket.buffered_bytes() >= self.buffer_bytes && !mutant!("room-slow-reader-without-bound") {
            return Err(SendError::Socket(SocketError::InternalChannelFull));
        }
        self.socket.emit(event, payload)
    }
}

/// A member together with whether it has everything.
pub(super) struct Listening {
    pub(super) member: Member,
    /// Its buffer was full: it has missed something and is to be told so before anything else.
    pub(super) is_behind: bool,
    /// Its connection is closed.
    pub(super) is_gone: bool,
}

impl Listening {
    pub(super) const fn new(member: Member) -> Self {
        Self { member, is_behind: false, is_gone: false }
    }

    /// Emits, or notes that the socket could not take it.
    pub(super) fn emit(&mut self, room: Option<&RoomId>, event: &str, payload: &RawValue) -> bool {
        if self.is_behind && !self.catch_up(room) {
            return false;
        }
        match self.member.emit(event, payload) {
            Ok(()) => true,
            Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                metrics::counter!("gateway_buffer_overflows_total").increment(1);
                self.is_behind = !mutant!("room-slow-reader-not-told");
                false
            }
            Err(SendError::Socket(SocketError::Closed)) => {
                self.is_gone = true;
                false
            }
            Err(SendError::Serialize(error)) => {
                tracing::error!(%error, event, "a delivery could not be written");
                false
            }
        }
    }

    /// Tells a socket that missed something; false while there is no place even for that.
    pub(super) fn catch_up(&mut self, room: Option<&RoomId>) -> bool {
        let Some(room) = room else {
            self.is_behind = false;
            return true;
        };
        let told = self.member.emit(ResyncRequired::NAME, &ResyncRequired { room_id: room.clone() });
        self.is_behind = matches!(told, Err(SendError::Socket(SocketError::InternalChannelFull)));
        !self.is_behind
    }
}
