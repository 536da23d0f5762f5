//! The task of one audience.

use std::collections::HashMap;
use std::time::Duration;

use sinaesta_bus::{Bus, Delivery, Listener};
use sinaesta_clock::Clock;
use sinaesta_contracts::Audience;
use sinaesta_contracts::chat::TypingUser;
use sinaesta_contracts::leaderboard::{DEFAULT_ENTRIES, UserRank};
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::board::Board;
use super::everyone::Everyone;
use super::inboxes::Work;
use super::member::Member;
use super::room::Room;
use super::{Channels, HoldId};

/// How many deliveries are kept for one who is about to enter.
const MOST_KEPT: usize = 1_000;

/// What a channel is told.
pub(super) enum Control {
    /// Somebody is about to enter.
    Hold(HoldId),
    /// They did not.
    Release(HoldId),
    /// A socket enters, which ends its hold.
    Enter { hold: HoldId, member: Member, place: Place, greet: Box<dyn FnOnce() + Send> },
    /// A socket leaves.
    Leave { sid: Sid },
}

/// What a socket enters with.
pub(crate) enum Place {
    /// In a room: its snapshot up to this `seq`, and who types in it.
    Room { last_seq: i64, typing: Vec<TypingUser> },
    /// At a board: so many entries, and where its user stands.
    Board { limit: u32, rank: Option<UserRank> },
    /// Anywhere else: nothing.
    Anywhere,
}

/// The sockets of an audience.
enum Group {
    Room(Box<Room>),
    Board(Board),
    Everyone(Everyone),
}

/// Hears one audience for the sockets that belong to it.
pub(super) struct Channel {
    audience: Audience,
    listener: Listener,
    controls: mpsc::UnboundedReceiver<Control>,
    channels: Channels,
    disruptions: watch::Receiver<u64>,
    group: Group,
    /// Who is about to enter, and what was heard since they began.
    holds: HashMap<HoldId, Vec<Delivery>>,
}

impl Channel {
    /// A channel that nobody has entered yet.
    pub(super) fn new(
        (bus, clock, inboxes): (Bus, Clock, mpsc::UnboundedSender<Work>),
        audience: Audience,
        listener: Listener,
        controls: mpsc::UnboundedReceiver<Control>,
        channels: Channels,
    ) -> Self {
        let mut disruptions = bus.disruptions();
        disruptions.mark_unchanged();
        let group = match &audience {
            Audience::All => Group::Everyone(Everyone::new(inboxes, clock)),
            Audience::Board(id) => Group::Board(Board::new(bus, id.clone())),
            Audience::Room(id) => Group::Room(Box::new(Room::new(bus, clock, Some(id.clone()), None))),
            Audience::User(_) => Group::Room(Box::new(Room::new(bus, clock, None, Some(inboxes)))),
            _ => Group::Room(Box::new(Room::new(bus, clock, None, None))),
        };
        Self { group, audience, listener, controls, channels, disruptions, holds: HashMap::new() }
    }

    /// Runs while anybody listens or is about to.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.group.due();
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
                        self.keep(&delivery);
                        self.group.deliver(delivery).await;
                    }
                }
                Ok(()) = self.disruptions.changed() => self.group.catch_up().await,
                () = sleep_until(due.unwrap_or_else(far)), if due.is_some() => self.group.on_time().await,
            }
            if self.holds.is_empty() && self.group.is_empty() && self.retire() {
                return;
            }
        }
    }

    /// Keeps a delivery for those who are about to enter: what they are greeted with may be older. A room's messages
    /// need not be kept, their `seq` tells what is missing.
    fn keep(&mut self, delivery: &Delivery) {
        if matches!(self.audience, Audience::Room(_)) || mutant!("audience-forgets-what-came-while-entering") {
            return;
        }
        for kept in self.holds.values_mut().filter(|kept| kept.len() < MOST_KEPT) {
            kept.push(delivery.clone());
        }
    }

    async fn control(&mut self, control: Control) {
        match control {
            Control::Hold(id) => drop(self.holds.insert(id, Vec::new())),
            Control::Release(id) => drop(self.holds.remove(&id)),
            Control::Enter { hold, member, place, greet } => {
                let meanwhile = self.holds.remove(&hold).unwrap_or_default();
                self.group.enter(member, place, greet, meanwhile).await;
            }
            Control::Leave { sid } => self.group.leave(sid),
        }
    }

    /// Ends this channel unless somebody has begun to enter: both happen under the same lock.
    fn retire(&mut self) -> bool {
        let mut channels = self.channels.lock();
        if self.controls.is_empty() || mutant!("audience-ends-before-somebody-enters") {
            channels.remove(&self.audience);
            return true;
        }
        false
    }
}

impl Group {
    /// `meanwhile` is what was heard since the socket began to enter.
    async fn enter(&mut self, member: Member, place: Place, greet: Box<dyn FnOnce() + Send>, meanwhile: Vec<Delivery>) {
        let sid = member.socket.id;
        match (self, place) {
            (Self::Room(room), Place::Room { last_seq, typing }) => {
                room.enter(member, Some(last_seq), greet).await;
                room.note_typists(typing);
            }
            (Self::Room(room), _) => {
                room.enter(member, None, greet).await;
                meanwhile.iter().for_each(|delivery| room.repeat(sid, delivery));
            }
            // Its inbox tells what was announced meanwhile.
            (Self::Everyone(everyone), _) => {
                greet();
                everyone.enter(member);
            }
            (Self::Board(board), place) => {
                let (limit, rank) = match place {
                    Place::Board { limit, rank } => (limit, rank),
                    _ => (DEFAULT_ENTRIES, None),
                };
                board.enter(member, limit, rank, greet);
                // Each is the whole board: the last one stands for all.
                if let Some(delivery) = meanwhile.last() {
                    board.repeat(sid, delivery);
                }
            }
        }
    }

    fn leave(&mut self, sid: Sid) {
        match self {
            Self::Room(room) => room.leave(sid),
            Self::Board(board) => board.leave(sid),
            Self::Everyone(everyone) => everyone.leave(sid),
        }
    }

    async fn deliver(&mut self, delivery: Delivery) {
        match self {
            Self::Room(room) if delivery.is_lost() => room.resynchronise(delivery.seq).await,
            Self::Board(_) | Self::Everyone(_) if delivery.is_lost() => self.catch_up().await,
            Self::Room(room) => room.deliver(delivery).await,
            Self::Board(board) => board.deliver(delivery).await,
            Self::Everyone(everyone) => everyone.deliver(delivery),
        }
    }

    async fn catch_up(&mut self) {
        match self {
            Self::Room(room) => room.catch_up().await,
            Self::Board(board) => board.catch_up().await,
            Self::Everyone(everyone) => everyone.catch_up(),
        }
    }

    fn due(&self) -> Option<Instant> {
        match self {
            Self::Room(room) => room.due(),
            Self::Board(board) => board.due(),
            Self::Everyone(_) => None,
        }
    }

    async fn on_time(&mut self) {
        match self {
            Self::Room(room) => room.on_time().await,
            Self::Board(board) => board.catch_up().await,
            Self::Everyone(_) => {}
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Room(room) => room.is_empty(),
            Self::Board(board) => board.is_empty(),
            Self::Everyone(everyone) => everyone.is_empty(),
        }
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}
