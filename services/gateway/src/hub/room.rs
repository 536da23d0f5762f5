//! The sockets of one audience, and what each of them has.
//!
//! A room's messages are emitted in the order of their `seq`, each once. What comes again is dropped; what is missing
//! is fetched from chat before what follows it is emitted; and a socket hears the messages that follow its snapshot,
//! no sooner and no later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use sinaesta_bus::{Bus, Delivery};
use sinaesta_clock::Clock;
use sinaesta_contracts::chat::{
    MissedMessages, ReceiveMessage, RoomRemoved, TYPING_LAPSE_MS, TypingIndicator, TypingUser,
};
use sinaesta_contracts::{Actor, RoomId, ServerEvent as _, UserId};
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::inboxes::Work;
use super::measure;
use super::member::{Listening, Member};
use crate::sockets::session::Session;

/// How long a snapshot may be ahead of what was delivered before that is fetched.
const PATIENCE: Duration = Duration::from_millis(300);
/// How soon a socket whose buffer was full is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often and after what pauses missing messages are asked for, before the sockets are told to ask themselves.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The sockets of an audience; of a room unless `id` is empty.
pub(super) struct Room {
    bus: Bus,
    clock: Clock,
    id: Option<RoomId>,
    /// Of a user's own sockets: where those are noted that could not take something, for it may have been of their inbox.
    inboxes: Option<mpsc::UnboundedSender<Work>>,
    members: Vec<Listening>,
    /// Those whose snapshot is ahead of what was delivered, with the `seq` it goes up to.
    waiting: Vec<(Member, i64)>,
    /// When those who wait have waited long enough.
    patience: Option<Instant>,
    /// The `seq` up to which the members have everything; `None` before the first snapshot or message.
    last_seq: Option<i64>,
    typing: HashMap<UserId, (String, Instant)>,
}

impl Room {
    pub(super) fn new(
        bus: Bus,
        clock: Clock,
        id: Option<RoomId>,
        inboxes: Option<mpsc::UnboundedSender<Work>>,
    ) -> Self {
        Self {
            bus,
            clock,
            id,
            inboxes,
            members: Vec::new(),
            waiting: Vec::new(),
            patience: None,
            last_seq: None,
            typing: HashMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.waiting.is_empty()
    }

    /// A socket enters with everything up to `snapshot`.
    pub(super) async fn enter(&mut self, member: Member, snapshot: Option<i64>, greet: Box<dyn FnOnce() + Send>) {
        // Entering again is how a client asks for what it missed.
        self.leave(member.socket.id);
        // Its leaving may have come before its entering; a socket is marked before it leaves.
        if !member.socket.connected() {
            return;
        }
        greet();
        let Some(snapshot) = snapshot else { return self.members.push(Listening::new(member)) };
        match self.last_seq {
            Some(last) if last > snapshot && !mutant!("room-old-snapshot-not-completed") => {
                let mut late = Listening::new(member);
                if self.fetch(snapshot, Some(last), &mut Target::One(&mut late)).await.is_none() {
                    late.catch_up(self.id.as_ref());
                }
                self.members.push(late);
            }
            Some(last) if last < snapshot && !self.is_empty() && !mutant!("room-new-snapshot-hears-again") => {
                self.waiting.push((member, snapshot));
                self.patience.get_or_insert_with(|| Instant::now() + PATIENCE);
            }
            _ => {
                self.last_seq = Some(snapshot);
                self.members.push(Listening::new(member));
            }
        }
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        self.members.retain(|one| one.member.socket.id != sid);
        self.waiting.retain(|(member, _)| member.socket.id != sid);
    }

    /// Emits to one socket what was delivered before it entered.
    pub(super) fn repeat(&mut self, sid: Sid, delivery: &Delivery) {
        let Ok(payload) = serde_json::from_slice::<&RawValue>(&delivery.payload) else { return };
        let is_meant = |one: &&mut Listening| one.member.socket.id == sid && delivery.except != Some(one.member.user);
        if let Some(one) = self.members.iter_mut().find(is_meant) {
            one.emit(self.id.as_ref(), &delivery.event, payload);
        }
    }

    pub(super) async fn deliver(&mut self, delivery: Delivery) {
        let Ok(payload) = serde_json::from_slice::<&RawValue>(&delivery.payload) else {
            tracing::error!(event = delivery.event, "a delivery is not JSON");
            return;
        };
        if delivery.event == TypingIndicator::NAME {
            self.note_typing(payload);
        }
        let span = measure::span(&delivery);
        if let Some(seq) = delivery.seq
            && !self.is_next(seq).await
        {
            return;
        }
        if delivery.event == RoomRemoved::NAME {
            return self.remove(payload);
        }
        let clock = self.clock.clone();
        measure::emitting(&delivery, &clock, &span, || self.emit(&delivery.event, payload, delivery.except));
        if let Some(seq) = delivery.seq {
            self.advance(seq);
        }
    }

    /// Something could not be delivered because of its size: a room's sockets are told to ask for it in its place, and a
    /// user's get their inbox.
    pub(super) async fn resynchronise(&mut self, seq: Option<i64>) {
        if let Some(seq) = seq
            && !self.is_next(seq).await
        {
            return;
        }
        if let Some(inboxes) = &self.inboxes {
            for one in &self.members {
                inboxes.send(Work::Greet(one.member.clone())).ok();
            }
        } else {
            self.give_up();
        }
        if let Some(seq) = seq {
            self.advance(seq);
        }
    }

    /// Whether a message is the one that follows; what is missing before it is fetched and emitted first.
    async fn is_next(&mut self, seq: i64) -> bool {
        let Some(last) = self.last_seq else { return true };
        if seq > last + 1 && !mutant!("room-gap-is-not-filled") {
            match self.fetch(last, Some(seq - 1), &mut Target::All).await {
                Some(reached) => self.advance(reached),
                None => self.give_up(),
            }
        }
        self.last_seq.is_none_or(|last| seq > last || mutant!("room-repeats-are-told"))
    }

    fn advance(&mut self, seq: i64) {
        self.last_seq = Some(self.last_seq.map_or(seq, |last| last.max(seq)));
        let last = self.last_seq.unwrap_or_default();
        if self.waiting.iter().any(|(_, snapshot)| *snapshot <= last) {
            let ready = self.waiting.extract_if(.., |(_, snapshot)| *snapshot <= last);
            self.members.extend(ready.map(|(member, _)| Listening::new(member)));
        }
        if self.waiting.is_empty() {
            self.patience = None;
        }
    }

    /// After a disruption: whatever chat has beyond what was delivered.
    pub(super) async fn catch_up(&mut self) {
        mutant!("room-not-asked-after-a-disruption", return);
        let Some(last) = self.last_seq else { return };
        if self.id.is_none() || self.is_empty() {
            return;
        }
        match self.fetch(last, None, &mut Target::All).await {
            Some(reached) => self.advance(reached),
            None => self.give_up(),
        }
    }

    /// What the members have can't be proven: each is told to ask itself.
    fn give_up(&mut self) {
        tracing::warn!(room = self.id.as_ref().map(RoomId::as_str), "sockets have to resynchronise");
        mutant!("room-gives-up-in-silence", return);
        for one in &mut self.members {
            one.is_behind = true;
            one.catch_up(self.id.as_ref());
        }
    }

    /// When [`Self::on_time`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let typing = self.typing.values().map(|(_, until)| *until);
        let behind = self.members.iter().any(|one| one.is_behind).then(|| Instant::now() + AGAIN);
        typing.chain(self.patience).chain(behind).min()
    }

    /// Ends what has lapsed.
    pub(super) async fn on_time(&mut self) {
        let now = Instant::now();
        self.end_typing(now);
        if self.patience.is_some_and(|until| until <= now) {
            self.patience = None;
            self.catch_up().await;
            // Whoever waits for what chat does not have waits for nothing.
            let latest = self.waiting.iter().map(|(_, snapshot)| *snapshot).max();
            if let Some(snapshot) = latest {
                self.advance(snapshot);
            }
        }
        let id = self.id.clone();
        for one in self.members.iter_mut().filter(|one| one.is_behind) {
            one.catch_up(id.as_ref());
        }
    }

    /// Somebody may be here no more: their sockets are told, and hear nothing that follows.
    fn remove(&mut self, payload: &RawValue) {
        let Ok(removed) = serde_json::from_str::<RoomRemoved>(payload.get()) else { return };
        mutant!("room-removed-hear-on", return);
        let theirs = self.members.extract_if(.., |one| one.member.user == removed.user_id).map(|one| one.member);
        let waiting = self.waiting.extract_if(.., |(one, _)| one.user == removed.user_id).map(|(member, _)| member);
        for member in theirs.chain(waiting) {
            if let Some(session) = member.socket.extensions.get::<Arc<Session>>() {
                session.leave(&removed.room_id);
            }
            member.socket.emit(RoomRemoved::NAME, payload).ok();
        }
        self.typing.remove(&removed.user_id);
    }

    /// Who types in a snapshot: where nobody was told of it here, it lapses as if it had begun now.
    pub(super) fn note_typists(&mut self, typing: Vec<TypingUser>) {
        let until = Instant::now() + Duration::from_millis(TYPING_LAPSE_MS);
        for TypingUser { user_id, user_name } in typing {
            self.typing.entry(user_id).or_insert((user_name, until));
        }
    }

    fn note_typing(&mut self, payload: &RawValue) {
        let Ok(typing) = serde_json::from_str::<TypingIndicator>(payload.get()) else { return };
        if typing.is_typing {
            let until = Instant::now() + Duration::from_millis(TYPING_LAPSE_MS);
            self.typing.insert(typing.user_id, (typing.user_name, until));
        } else {
            self.typing.remove(&typing.user_id);
        }
    }

    fn end_typing(&mut self, now: Instant) {
        mutant!("room-typing-does-not-lapse", self.typing.clear());
        let Some(room_id) = self.id.clone() else { return };
        let lapsed: Vec<_> = self.typing.extract_if(|_, (_, until)| *until <= now).collect();
        for (user_id, (user_name, _)) in lapsed {
            let ended = TypingIndicator { room_id: room_id.clone(), user_id, user_name, is_typing: false };
            if let Ok(payload) = serde_json::value::to_raw_value(&ended) {
                self.emit(TypingIndicator::NAME, &payload, Some(user_id));
            }
        }
    }

    /// Emits to everyone but `except`; gives to how many.
    fn emit(&mut self, event: &str, payload: &RawValue, except: Option<UserId>) -> u64 {
        let id = self.id.as_ref();
        let (mut emitted, mut gone) = (0, false);
        for one in
            self.members.iter_mut().filter(|one| except != Some(one.member.user) || mutant!("room-passes-over-nobody"))
        {
            emitted += u64::from(one.emit(id, event, payload));
            gone |= one.is_gone;
            if let Some(inboxes) = self.inboxes.as_ref().filter(|_| one.is_behind) {
                one.is_behind = false;
                inboxes.send(Work::Greet(one.member.clone())).ok();
            }
        }
        if gone {
            self.members.retain(|one| !one.is_gone);
        }
        emitted
    }

    /// Fetches the messages after `after`, up to `until` or all there are, and emits them; gives the `seq` reached,
    /// or `None` if chat can't be asked.
    async fn fetch(&mut self, after: i64, until: Option<i64>, target: &mut Target<'_>) -> Option<i64> {
        let mut reached = after;
        while until.is_none_or(|until| reached < until) {
            let page = self.ask(reached).await?;
            for message in page.messages {
                if until.is_some_and(|until| message.seq > until) {
                    return Some(reached);
                }
                reached = message.seq;
                let payload = serde_json::value::to_raw_value(&ReceiveMessage(message)).ok()?;
                match target {
                    Target::All => drop(self.emit(ReceiveMessage::NAME, &payload, None)),
                    Target::One(one) => drop(one.emit(self.id.as_ref(), ReceiveMessage::NAME, &payload)),
                }
                metrics::counter!("gateway_healed_messages_total").increment(1);
            }
            if !page.has_more || mutant!("room-missed-is-one-page") {
                break;
            }
        }
        Some(reached)
    }

    async fn ask(&self, after_seq: i64) -> Option<sinaesta_contracts::chat::HistoryPage> {
        let query = MissedMessages { room_id: self.id.clone()?, after_seq };
        for attempt in 1..=ATTEMPTS {
            match self.bus.ask(&Actor::system(), &query).await {
                Ok(page) => return Some(page),
                Err(error) => tracing::debug!(error = %error.message, attempt, "missing messages can't be had yet"),
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        None
    }
}

/// For whom missing messages are fetched.
enum Target<'t> {
    All,
    One(&'t mut Listening),
}
