//! How an audience's deliveries reach its sockets: each kind of audience has a type of its own.

use std::time::Instant;

use sinaesta_bus::{Bus, Delivery};
use sinaesta_clock::Clock;
use sinaesta_contracts::Audience;
use sinaesta_contracts::leaderboard::DEFAULT_ENTRIES;
use socketioxide_core::Sid;
use tokio::sync::mpsc;

use super::board::Board;
use super::broadcast::Broadcast;
use super::everyone::Everyone;
use super::fetch::{Fetched, Fetches};
use super::inboxes::Work;
use super::member::Member;
use super::room::Room;
use super::{JoinState, OnRemoved};

/// The state and the sockets of an audience.
pub(super) enum Fanout {
    /// In the order of `seq`, without a gap.
    Room { room: Box<Room>, fetches: Fetches, bus: Bus },
    /// To a user's sockets; those that missed something are sent the inbox.
    User { sockets: Broadcast, inboxes: mpsc::UnboundedSender<Work> },
    /// As it comes.
    Plain(Broadcast),
    /// A leaderboard, cut to what each socket asked for.
    Board(Board),
    /// To all sockets, personalised.
    Everyone(Everyone),
}

/// What every audience is built from.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) bus: Bus,
    pub(super) clock: Clock,
    pub(super) inboxes: mpsc::UnboundedSender<Work>,
    pub(super) on_removed: OnRemoved,
}

impl Fanout {
    pub(super) fn new(Parts { bus, clock, inboxes, on_removed }: Parts, audience: &Audience) -> Self {
        match audience {
            Audience::Room(id) => {
                let room = Box::new(Room::new(id.clone(), clock, on_removed));
                Self::Room { room, fetches: Fetches::default(), bus }
            }
            Audience::User(_) => Self::User { sockets: Broadcast::new(clock), inboxes },
            Audience::Exam(_) | Audience::Proctors(_) | Audience::Groups => Self::Plain(Broadcast::new(clock)),
            Audience::Board(id) => Self::Board(Board::new(bus, id.clone())),
            Audience::All => Self::Everyone(Everyone::new(inboxes, clock)),
        }
    }

    /// Whether a delivery that comes before a socket has joined may be missing from the state it joins with. In a room
    /// `seq` tells, and an inbox is sent after joining.
    pub(super) const fn keeps_for_pending(&self) -> bool {
        matches!(self, Self::User { .. } | Self::Plain(_) | Self::Board(_))
    }

    /// `meanwhile` are the deliveries since the socket began to join.
    pub(super) fn enter(
        &mut self,
        member: Member,
        state: JoinState,
        greet: Box<dyn FnOnce() + Send>,
        meanwhile: &[Delivery],
    ) {
        match self {
            Self::Room { room, .. } => match state {
                JoinState::Room { last_seq, typing } => room.enter(member, (last_seq, typing), greet, Instant::now()),
                _ => tracing::error!(room_id = room.id().as_str(), "join discarded: it has no snapshot"),
            },
            Self::User { sockets, .. } | Self::Plain(sockets) => sockets.enter(member, greet, meanwhile),
            Self::Board(board) => {
                let (limit, rank) = match state {
                    JoinState::Board { limit, rank } => (limit, rank),
                    _ => (DEFAULT_ENTRIES, None),
                };
                let sid = member.socket.id;
                board.enter(member, limit, rank, greet);
                // Each is the whole board: the last one stands for all.
                if let Some(delivery) = meanwhile.last() {
                    board.repeat(sid, delivery);
                }
            }
            Self::Everyone(everyone) => {
                greet();
                everyone.enter(member);
            }
        }
        self.start_fetches();
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        match self {
            Self::Room { room, .. } => room.leave(sid, Instant::now()),
            Self::User { sockets, .. } | Self::Plain(sockets) => sockets.leave(sid),
            Self::Board(board) => board.leave(sid),
            Self::Everyone(everyone) => everyone.leave(sid),
        }
        self.start_fetches();
    }

    pub(super) async fn deliver(&mut self, delivery: Delivery) {
        match self {
            Self::Room { room, .. } => room.deliver(delivery, Instant::now()),
            Self::User { sockets, inboxes } => {
                let missed = match delivery.is_lost() {
                    true => sockets.members().to_vec(),
                    false => sockets.deliver(&delivery),
                };
                missed.into_iter().for_each(|member| drop(inboxes.send(Work::SendInbox(member))));
            }
            // The next one makes up for it.
            Self::Plain(_) if delivery.is_lost() => {}
            Self::Plain(sockets) => drop(sockets.deliver(&delivery)),
            Self::Board(board) if delivery.is_lost() => board.catch_up().await,
            Self::Board(board) => board.deliver(delivery).await,
            Self::Everyone(everyone) if delivery.is_lost() => everyone.catch_up(),
            Self::Everyone(everyone) => everyone.deliver(delivery),
        }
        self.start_fetches();
    }

    /// The broker was unreachable: deliveries may be missing.
    pub(super) async fn disrupted(&mut self) {
        match self {
            Self::Room { room, .. } => room.disrupted(Instant::now()),
            Self::User { .. } | Self::Plain(_) => {}
            Self::Board(board) => board.catch_up().await,
            Self::Everyone(everyone) => everyone.catch_up(),
        }
        self.start_fetches();
    }

    /// The next answer to a fetch. May be dropped at any moment.
    pub(super) async fn next_fetched(&mut self) -> Fetched {
        match self {
            Self::Room { fetches, .. } => fetches.next().await,
            _ => std::future::pending().await,
        }
    }

    pub(super) fn fetched(&mut self, fetched: Fetched) {
        if let Self::Room { room, .. } = self {
            room.fetched(fetched, Instant::now());
        }
        self.start_fetches();
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Room { room, .. } => room.due(),
            Self::Board(board) => board.due(),
            Self::User { .. } | Self::Plain(_) | Self::Everyone(_) => None,
        }
    }

    pub(super) async fn timeout(&mut self) {
        match self {
            Self::Room { room, .. } => room.timeout(Instant::now()),
            Self::Board(board) => board.catch_up().await,
            Self::User { .. } | Self::Plain(_) | Self::Everyone(_) => {}
        }
        self.start_fetches();
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Room { room, .. } => room.is_empty(),
            Self::User { sockets, .. } | Self::Plain(sockets) => sockets.is_empty(),
            Self::Board(board) => board.is_empty(),
            Self::Everyone(everyone) => everyone.is_empty(),
        }
    }

    fn start_fetches(&mut self) {
        if let Self::Room { room, fetches, bus } = self {
            for fetch in room.take_fetches() {
                fetches.start(bus.clone(), room.id().clone(), fetch);
            }
        }
    }
}
