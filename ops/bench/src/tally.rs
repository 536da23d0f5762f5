//! Who sent what when, and who got it: the bookkeeping behind every figure and every fault.

use std::sync::LazyLock;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::client::Outbox;
use crate::report::Faults;
use crate::wire::{Packet, Stamp, is_ok};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Since the generator started: one clock for those who send and those who receive.
pub(crate) fn now_ns() -> u64 {
    START.elapsed().as_nanos() as u64
}

pub(crate) fn instant(at_ns: u64) -> Instant {
    *START + std::time::Duration::from_nanos(at_ns)
}

/// What a message says after its stamp, as it stands in JSON; about 100 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Plain,
    /// With elements that are kept, an attribute and an element that are not.
    Html,
}

impl Body {
    const fn text(self) -> &'static str {
        match self {
            Self::Plain => " Laki-laki 54 tahun, nyeri dada menjalar ke lengan kiri sejak 2 jam, BP < 90",
            Self::Html => {
                r#" Laki-laki <b>54</b> tahun, <i onclick=\"x()\">nyeri dada</i> <script>x()</script><a href=\"https://ekg.id\">EKG</a>"#
            }
        }
    }
}

struct Message {
    acknowledged: bool,
    seen: u32,
    last_ns: u64,
}

struct Room {
    id: String,
    members: u32,
    messages: Vec<Message>,
}

/// One socket in its room.
#[derive(Default)]
pub(crate) struct Seat {
    room: usize,
    /// By acknowledgement id less one: when it was sent, and its index in the room.
    sent: Vec<(u64, usize)>,
    /// A bit for each message of the room that came.
    seen: Vec<u64>,
    last_seq: u64,
}

impl Seat {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// Whether this message is new here.
    fn see(&mut self, index: usize) -> bool {
        let (word, bit) = (index / 64, 1 << (index % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        self.seen.get_mut(word).is_some_and(|seen| {
            let new = *seen & bit == 0;
            *seen |= bit;
            new
        })
    }
}

/// One measurement, over all sockets. Times before `from` are warm-up: checked, but not counted.
pub(crate) struct Tally {
    pub(crate) from_ns: u64,
    pub(crate) until_ns: u64,
    body: Body,
    /// Whether a delivery without `seq` is out of order: only the bare server may leave it out.
    numbered: bool,
    rooms: Vec<Room>,
    pub(crate) receive: Histogram<u64>,
    pub(crate) last: Histogram<u64>,
    pub(crate) ack: Histogram<u64>,
    /// How late the generator itself was.
    pub(crate) late: Histogram<u64>,
    /// Within the measured time.
    pub(crate) acknowledged: u64,
    pub(crate) delivered: u64,
    unanswered: u64,
    deliveries_due: u64,
    deliveries_seen: u64,
    pub(crate) faults: Faults,
}

impl Tally {
    pub(crate) fn new(
        rooms: impl IntoIterator<Item = String>,
        members: usize,
        body: Body,
        numbered: bool,
    ) -> anyhow::Result<Self> {
        let room = |id| Room { id, members: members as u32, messages: Vec::new() };
        let histogram = || Histogram::new_with_max(60_000_000_000, 3);
        Ok(Self {
            from_ns: 0,
            until_ns: 0,
            body,
            numbered,
            rooms: rooms.into_iter().map(room).collect(),
            receive: histogram()?,
            last: histogram()?,
            ack: histogram()?,
            late: histogram()?,
            acknowledged: 0,
            delivered: 0,
            unanswered: 0,
            deliveries_due: 0,
            deliveries_seen: 0,
            faults: Faults::default(),
        })
    }

    fn counts(&self, at_ns: u64) -> bool {
        (self.from_ns..self.until_ns).contains(&at_ns)
    }

    /// Whether every message is answered and with everybody.
    pub(crate) const fn is_settled(&self) -> bool {
        self.unanswered == 0 && self.deliveries_seen >= self.deliveries_due
    }

    /// Puts the seat's next message into its outbox, unless the time is over.
    pub(crate) fn send(&mut self, seat: &mut Seat, outbox: &mut Outbox) {
        let now = now_ns();
        let Some(room) = self.rooms.get_mut(seat.room).filter(|_| now < self.until_ns) else { return };
        let index = room.messages.len();
        room.messages.push(Message { acknowledged: false, seen: 0, last_ns: 0 });
        seat.sent.push((now, index));
        self.unanswered += 1;
        let (ack, id, stamp, text) = (seat.sent.len(), &room.id, Stamp::text(now, index), self.body.text());
        outbox.text(|out| {
            out.extend_from_slice(format!(
                r#"42{ack}["send-message",{{"roomId":"{id}","message":"{stamp}{text}","clientMessageId":"{id}-{index}"}}]"#
            ).as_bytes());
        });
    }

    /// Books one packet; true when it answers a message, so that the next may be sent.
    pub(crate) fn book(&mut self, seat: &mut Seat, packet: &Packet<'_>, now: u64) -> bool {
        match packet {
            Packet::Event(event) => {
                match Stamp::find(event) {
                    Some(stamp) => self.delivery(seat, &stamp, now),
                    None if event.starts_with(b"[\"error\"") || event.starts_with(b"[\"resync-required\"") => {
                        self.faults.error(String::from_utf8_lossy(event));
                    }
                    None => {}
                }
                false
            }
            Packet::Ack(id, body) => self.answer(seat, *id, body, now),
            Packet::Disconnected => {
                self.faults.error("the server disconnected a socket");
                false
            }
            _ => false,
        }
    }

    fn delivery(&mut self, seat: &mut Seat, stamp: &Stamp, now: u64) {
        if self.numbered {
            let seq = stamp.seq.unwrap_or_default();
            if seq != seat.last_seq + 1 {
                self.faults.disordered += 1;
            }
            seat.last_seq = seq;
        }
        let message =
            self.rooms.get_mut(seat.room).and_then(|room| Some((room.members, room.messages.get_mut(stamp.index)?)));
        let Some((members, message)) = message else {
            return self.faults.error("a message came that nobody sent");
        };
        if !seat.see(stamp.index) {
            self.faults.repeated += 1;
            return;
        }
        message.seen += 1;
        message.last_ns = now;
        self.deliveries_seen += 1;
        let counts = (self.from_ns..self.until_ns).contains(&stamp.sent_ns);
        let latency = now.saturating_sub(stamp.sent_ns);
        if counts {
            self.receive.saturating_record(latency);
            if message.seen == members {
                self.last.saturating_record(latency);
            }
        }
        if self.counts(now) {
            self.delivered += 1;
        }
    }

    fn answer(&mut self, seat: &Seat, id: u64, body: &[u8], now: u64) -> bool {
        let sent = usize::try_from(id).ok().and_then(|id| seat.sent.get(id.checked_sub(1)?));
        let Some((sent_ns, index)) = sent.copied() else { return false };
        self.unanswered = self.unanswered.saturating_sub(1);
        let room = self.rooms.get_mut(seat.room).and_then(|room| Some((room.members, room.messages.get_mut(index)?)));
        let Some((members, message)) = room else { return true };
        if !is_ok(body) {
            self.faults.error(String::from_utf8_lossy(body));
            return true;
        }
        if std::mem::replace(&mut message.acknowledged, true) {
            self.faults.error("a message was acknowledged twice");
            return false;
        }
        self.deliveries_due += u64::from(members);
        if self.counts(sent_ns) {
            self.ack.saturating_record(now.saturating_sub(sent_ns));
        }
        if self.counts(now) {
            self.acknowledged += 1;
        }
        true
    }

    /// Closes the books: what was not answered, and what did not come, is a fault.
    pub(crate) fn close(&mut self) {
        let all = self.rooms.iter().flat_map(|room| room.messages.iter().map(|message| (room.members, message)));
        let missing = all
            .filter(|(_, message)| message.acknowledged)
            .map(|(members, message)| u64::from(members.saturating_sub(message.seen)))
            .sum();
        self.faults.missing = missing;
        if self.unanswered > 0 {
            self.faults.error(format!("{} messages were never answered", self.unanswered));
            self.faults.errors += self.unanswered - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &[u8] = br#"[{"ok":true}]"#;

    fn tally() -> Tally {
        let mut tally = Tally::new(["r".to_owned()], 2, Body::Plain, true).unwrap();
        tally.until_ns = u64::MAX;
        tally
    }

    fn delivery(index: usize, seq: u64) -> Vec<u8> {
        let stamp = Stamp::text(now_ns(), index);
        format!(r#"["receive-message",{{"seq":{seq},"message":"{stamp}"}}]"#).into_bytes()
    }

    fn book(tally: &mut Tally, seat: &mut Seat, packet: &Packet<'_>) -> bool {
        tally.book(seat, packet, now_ns())
    }

    #[test]
    fn a_message_that_everybody_has_once_and_in_order_is_no_fault() {
        let (mut tally, mut one, mut two) = (tally(), Seat::new(0), Seat::new(0));
        tally.send(&mut one, &mut Outbox::default());
        assert!(!tally.is_settled());
        assert!(book(&mut tally, &mut one, &Packet::Ack(1, OK)));
        assert!(!tally.is_settled());
        for seat in [&mut one, &mut two] {
            assert!(!book(&mut tally, seat, &Packet::Event(&delivery(0, 1))));
        }
        assert!(tally.is_settled());
        tally.close();
        assert_eq!(tally.faults, Faults::default());
        assert_eq!((tally.acknowledged, tally.delivered, tally.last.len()), (1, 2, 1));
    }

    #[test]
    fn what_is_missing_repeated_or_out_of_order_is_counted() {
        let (mut tally, mut one, mut two) = (tally(), Seat::new(0), Seat::new(0));
        for _ in 0..3 {
            tally.send(&mut one, &mut Outbox::default());
        }
        for id in [1, 2] {
            book(&mut tally, &mut one, &Packet::Ack(id, OK));
        }
        for (index, seq) in [(0, 1), (0, 1), (1, 2)] {
            book(&mut tally, &mut one, &Packet::Event(&delivery(index, seq)));
        }
        book(&mut tally, &mut two, &Packet::Event(&delivery(1, 2)));
        tally.close();
        let Faults { errors, missing, repeated, .. } = tally.faults;
        // Unanswered: the third. Missing: the first, with the second seat. The repeat also breaks the order of `seq`.
        assert_eq!((errors, missing, repeated, tally.faults.disordered), (1, 1, 1, 2));
    }

    #[test]
    fn a_delivery_without_a_number_is_out_of_order_except_from_the_bare_server() {
        for (numbered, disordered) in [(true, 1), (false, 0)] {
            let (mut tally, mut seat) = (tally(), Seat::new(0));
            tally.numbered = numbered;
            tally.send(&mut seat, &mut Outbox::default());
            let event = format!(r#"["receive-message",{{"message":"{}"}}]"#, Stamp::text(now_ns(), 0));
            book(&mut tally, &mut seat, &Packet::Event(event.as_bytes()));
            assert_eq!(tally.faults.disordered, disordered);
        }
    }

    #[test]
    fn a_refusal_is_an_error_and_is_told() {
        let (mut tally, mut seat) = (tally(), Seat::new(0));
        tally.send(&mut seat, &mut Outbox::default());
        assert!(book(&mut tally, &mut seat, &Packet::Ack(1, br#"[{"ok":false,"error":{"code":"busy"}}]"#)));
        tally.close();
        assert_eq!((tally.faults.errors, tally.faults.missing), (1, 0));
        assert!(tally.faults.samples[0].contains("busy"));
    }
}
