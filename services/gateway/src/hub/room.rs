//! The sockets of a room. [`Sequence`] says what each of them is to receive; here it is sent.
//!
//! Nothing here waits: what has to be fetched is in [`Room::take_fetches`], and the answer comes back through
//! [`Room::fetched`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use sinaesta_bus::Delivery;
use sinaesta_clock::Clock;
use sinaesta_contracts::chat::{ReceiveMessage, RoomRemoved, TypingIndicator, TypingUser};
use sinaesta_contracts::{RoomId, ServerEvent as _, UserId};
use sinaesta_mutants::mutant;
use socketioxide::extract::SocketRef;
use socketioxide_core::Sid;

use super::OnRemoved;
use super::fetch::{Fetched, Message};
use super::measure;
use super::member::{Connection, Emitted, Member, Subscriber};
use super::sequence::{Action, Fetch, Limits, Recipients, Sequence};
use super::typing::Typing;

/// What may wait for one fetch from chat.
const LIMITS: Limits = Limits { deliveries: 1_000, bytes: 1024 * 1024 };
/// How soon a lagging socket is sent `resync-required` again.
const RETRY: Duration = Duration::from_millis(500);
/// For how many actions the list keeps its memory.
const KEPT_ACTIONS: usize = 16;

/// A room on this gateway.
pub(super) struct Room<C = SocketRef> {
    id: RoomId,
    clock: Clock,
    on_removed: OnRemoved<C>,
    sequence: Sequence<Sid, Message>,
    /// What the sequence asks for; empty between two calls.
    actions: Vec<Action<Sid, Message>>,
    /// What is to be fetched.
    fetches: Vec<Fetch>,
    members: Vec<Subscriber<C>>,
    /// Those that are to be admitted.
    joining: HashMap<Sid, Subscriber<C>>,
    typing: Typing,
    /// When lagging sockets are sent `resync-required` again.
    retry_at: Option<Instant>,
}

impl<C: Connection> Room<C> {
    pub(super) fn new(id: RoomId, clock: Clock, on_removed: OnRemoved<C>) -> Self {
        Self {
            id,
            clock,
            on_removed,
            sequence: Sequence::new(LIMITS),
            actions: Vec::new(),
            fetches: Vec::new(),
            members: Vec::new(),
            joining: HashMap::new(),
            typing: Typing::default(),
            retry_at: None,
        }
    }

    pub(super) const fn id(&self) -> &RoomId {
        &self.id
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.joining.is_empty()
    }

    /// A socket joins with a snapshot of the room at `last_seq`, which `greet` sends.
    pub(super) fn enter(
        &mut self,
        member: Member<C>,
        (last_seq, typing): (i64, Vec<TypingUser>),
        greet: impl FnOnce(),
        now: Instant,
    ) {
        let sid = member.socket.sid();
        // Joining again is how a client asks for what it missed.
        self.leave(sid, now);
        // It may have disconnected first. A socket that does is marked as such before it leaves.
        if !member.socket.is_connected() {
            return;
        }
        greet();
        self.joining.insert(sid, Subscriber::new(member));
        self.sequence.enter(sid, last_seq, now, &mut self.actions);
        self.perform(now);
        self.typing.record_snapshot(typing, now);
    }

    pub(super) fn leave(&mut self, sid: Sid, now: Instant) {
        let before = self.members.len();
        self.members.retain(|one| one.member.socket.sid() != sid);
        if self.members.len() < before || self.joining.remove(&sid).is_some() {
            self.sequence.leave(sid, &mut self.actions);
            self.perform(now);
        }
    }

    pub(super) fn deliver(&mut self, delivery: Delivery, now: Instant) {
        if delivery.event == RoomRemoved::NAME {
            return self.remove(&delivery, now);
        }
        self.sequence.deliver(delivery.seq, Message::Delivered(delivery), &mut self.actions);
        self.perform(now);
    }

    /// The broker was unreachable.
    pub(super) fn disrupted(&mut self, now: Instant) {
        self.sequence.disrupted(&mut self.actions);
        self.perform(now);
    }

    /// What has to be fetched from chat.
    pub(super) fn take_fetches(&mut self) -> Vec<Fetch> {
        std::mem::take(&mut self.fetches)
    }

    pub(super) fn fetched(&mut self, (fetch, result): Fetched, now: Instant) {
        self.sequence.fetched(fetch, result, now, &mut self.actions);
        self.perform(now);
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sequence.due().into_iter().chain(self.typing.due()).chain(self.retry_at).min()
    }

    /// Does what is due.
    pub(super) fn timeout(&mut self, now: Instant) {
        for (user_id, user_name) in self.typing.lapsed(now) {
            let ended = TypingIndicator { room_id: self.id.clone(), user_id, user_name, is_typing: false };
            if let Ok(payload) = serde_json::value::to_raw_value(&ended) {
                self.emit(&Recipients::Members, TypingIndicator::NAME, &payload, Some(user_id), now);
            }
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            let mut left = false;
            for one in self.members.iter_mut().filter(|one| one.is_lagging) {
                left |= !one.resync(&self.id);
            }
            self.retry_at = left.then(|| now + RETRY);
        }
        self.sequence.timeout(now, &mut self.actions);
        self.perform(now);
    }

    /// A user may not be in this room any more. It applies when it arrives, even while deliveries wait for a fetch: what
    /// was stored after it reaches none of their sockets.
    fn remove(&mut self, delivery: &Delivery, now: Instant) {
        let Some(payload) = self.read(delivery) else { return };
        let Ok(removed) = serde_json::from_str::<RoomRemoved>(payload.get()) else { return };
        mutant!("room-removed-hear-on", return);
        let is_theirs = |one: &Subscriber<C>| one.member.user == removed.user_id;
        let joining = self.joining.extract_if(|_, one| is_theirs(one)).map(|(_, one)| one);
        let theirs: Vec<_> = self.members.extract_if(.., |one| is_theirs(one)).chain(joining).collect();
        for Subscriber { member, .. } in theirs {
            (self.on_removed)(&member.socket, &removed.room_id);
            member.socket.emit(RoomRemoved::NAME, payload).ok();
            self.sequence.leave(member.socket.sid(), &mut self.actions);
        }
        self.typing.remove(removed.user_id);
        self.perform(now);
    }

    /// Performs what the sequence asks for.
    fn perform(&mut self, now: Instant) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Emit(to, message) => self.emit_message(&to, &message, now),
                Action::Resync(to) => self.resync(&to, now),
                Action::Admit(sid) => self.members.extend(self.joining.remove(&sid)),
                Action::Fetch(fetch) => self.fetches.push(fetch),
            }
        }
        // Most of the time there is one action for each delivery: for that nothing is allocated.
        actions.shrink_to(KEPT_ACTIONS);
        self.actions = actions;
    }

    fn emit_message(&mut self, to: &Recipients<Sid>, message: &Message, now: Instant) {
        match message {
            // It stands for one that was too large to be delivered.
            Message::Delivered(delivery) if delivery.is_lost() => self.resync(to, now),
            Message::Delivered(delivery) => {
                let Some(payload) = self.read(delivery) else { return };
                let emit = |room: &mut Self| room.emit(to, &delivery.event, payload, delivery.except, now);
                if let Recipients::Joining(_) = to {
                    // The members received it before.
                    emit(self);
                    return;
                }
                if delivery.event == TypingIndicator::NAME
                    && let Ok(typing) = serde_json::from_str(payload.get())
                {
                    self.typing.record(typing, now);
                }
                let clock = self.clock.clone();
                measure::emitting(delivery, &clock, || emit(self));
            }
            Message::Fetched(payload) => {
                self.emit(to, ReceiveMessage::NAME, payload, None, now);
                metrics::counter!("gateway_healed_messages_total").increment(1);
            }
        }
    }

    fn read<'d>(&self, delivery: &'d Delivery) -> Option<&'d RawValue> {
        let read = serde_json::from_slice(&delivery.payload);
        read.inspect_err(|error| {
            let room_id = self.id.as_str();
            tracing::error!(%error, event = delivery.event, room_id, "delivery dropped: it is not JSON");
        })
        .ok()
    }

    /// Emits to the sockets of all users but `except`; gives to how many.
    fn emit(
        &mut self,
        to: &Recipients<Sid>,
        event: &str,
        payload: &RawValue,
        except: Option<UserId>,
        now: Instant,
    ) -> u64 {
        let (mut count, mut has_closed, mut is_full) = (0, false, false);
        each(to, &mut self.members, &mut self.joining, |one| {
            if except == Some(one.member.user) && !mutant!("room-passes-over-nobody") {
                return;
            }
            match one.emit(&self.id, event, payload) {
                Emitted::Buffered => count += 1,
                Emitted::Full => is_full = true,
                Emitted::Closed => has_closed = true,
                Emitted::Failed => {}
            }
        });
        if is_full {
            self.retry_at.get_or_insert(now + RETRY);
        }
        if has_closed {
            self.prune();
        }
        count
    }

    /// Members that closed leave at once; those that are joining do when their session ends.
    fn prune(&mut self) {
        for closed in self.members.extract_if(.., |one| !one.member.socket.is_connected()) {
            // A member that is admitted leaves without further actions.
            self.sequence.leave(closed.member.socket.sid(), &mut self.actions);
        }
    }

    /// Whether these have everything can't be proven: each has to ask.
    fn resync(&mut self, to: &Recipients<Sid>, now: Instant) {
        tracing::warn!(room_id = self.id.as_str(), "messages may be missing: sockets are sent resync-required");
        mutant!("room-gives-up-in-silence", return);
        let mut is_full = false;
        each(to, &mut self.members, &mut self.joining, |one| is_full |= !one.resync(&self.id));
        if is_full {
            self.retry_at.get_or_insert(now + RETRY);
        }
    }
}

/// Calls `act` with each of the recipients.
fn each<C>(
    to: &Recipients<Sid>,
    members: &mut [Subscriber<C>],
    joining: &mut HashMap<Sid, Subscriber<C>>,
    mut act: impl FnMut(&mut Subscriber<C>),
) {
    match to {
        Recipients::Members => members.iter_mut().for_each(act),
        Recipients::Joining(sids) => {
            for sid in sids {
                if let Some(one) = joining.get_mut(sid) {
                    act(one);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
