//! A socket for tests of the hub: it keeps what it is sent, and is as full as the test says.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use sinaesta_bus::Delivery;
use sinaesta_contracts::{RoomId, UserId};
use sinaesta_telemetry::TraceContext;
use socketioxide::{SendError, SocketError};
use socketioxide_core::Sid;
use uuid::Uuid;

use super::member::{Connection, Member};

/// How many bytes a [`Member`] of [`Fake::member`] buffers.
pub(super) const BUFFER_BYTES: usize = 1_000;

#[derive(Debug, Clone)]
pub(super) struct Fake {
    sid: Sid,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<(String, Value)>,
    is_closed: bool,
    buffered_bytes: usize,
    has_no_packets_left: bool,
    removed_from: Vec<String>,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self { sid: Sid::new(), state: Arc::default() }
    }

    pub(super) fn member(&self, user: u128) -> Member<Self> {
        Member { socket: self.clone(), user: UserId(Uuid::from_u128(user)), buffer_bytes: BUFFER_BYTES }
    }

    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
    }

    /// So many bytes wait for the client.
    pub(super) fn buffers(&self, bytes: usize) {
        self.state.lock().buffered_bytes = bytes;
    }

    /// No packet fits any more, or they do again.
    pub(super) fn fill(&self, is_full: bool) {
        self.state.lock().has_no_packets_left = is_full;
    }

    /// The events it was sent since this was asked last.
    pub(super) fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.state.lock().sent)
    }

    /// Their names; of messages with a `seq` the name and that.
    pub(super) fn take_names(&self) -> Vec<String> {
        let name = |(event, payload): (String, Value)| match payload.get("seq") {
            Some(seq) => format!("{event} {seq}"),
            None => event,
        };
        self.take().into_iter().map(name).collect()
    }

    pub(super) fn removed_from(&self) -> Vec<String> {
        self.state.lock().removed_from.clone()
    }

    /// An [`OnRemoved`](super::OnRemoved) that notes the room.
    pub(super) fn on_removed(&self, room: &RoomId) {
        self.state.lock().removed_from.push(room.as_str().to_owned());
    }
}

impl Connection for Fake {
    fn sid(&self) -> Sid {
        self.sid
    }

    fn is_connected(&self) -> bool {
        !self.state.lock().is_closed
    }

    fn buffered_bytes(&self) -> usize {
        self.state.lock().buffered_bytes
    }

    fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), SendError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(SendError::Socket(SocketError::Closed));
        }
        if state.has_no_packets_left {
            return Err(SendError::Socket(SocketError::InternalChannelFull));
        }
        state.sent.push((event.to_owned(), serde_json::to_value(payload).expect("it is JSON")));
        Ok(())
    }
}

/// A delivery without a `seq`.
pub(super) fn delivery(event: &str, payload: &Value) -> Delivery {
    Delivery {
        event: event.to_owned(),
        payload: payload.to_string().into_bytes().into(),
        seq: None,
        except: None,
        stored_at: None,
        trace: TraceContext::default(),
    }
}
