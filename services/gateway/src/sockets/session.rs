//! What is known of one connected socket.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sinaesta_contracts::leaderboard::BoardId;
use sinaesta_contracts::{Actor, ErrorBody, ExamId, RoomId, code};
use sinaesta_settings::LimitSettings;
use socketioxide::extract::SocketRef;
use socketioxide_core::Sid;
use time::OffsetDateTime;

use super::limits::{Refusals, SocketLimits};
use super::user::UserEntry;

/// How many boards one socket may watch: three periods of a dozen specialties, and some.
const MOST_BOARDS: usize = 50;
/// Of how many exams it is remembered which paper a socket has.
const MOST_PAPERS: usize = 20;

/// The times of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenTimes {
    /// If it says so.
    pub(crate) issued_at: Option<OffsetDateTime>,
    /// Its `exp`.
    pub(crate) expires_at: OffsetDateTime,
    /// A leeway later, as clocks may differ.
    pub(crate) counts_until: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Open,
    Closed,
}

/// One socket's session, from its handshake until it is gone.
pub(crate) struct Session {
    pub(crate) sid: Sid,
    pub(crate) actor: Actor,
    /// How many changes of accounts were applied when `actor` was read.
    pub(crate) as_of: u64,
    /// What `actor` may do has changed: nothing is done in its name any more.
    is_void: AtomicBool,
    pub(crate) user: Arc<UserEntry>,
    pub(crate) limits: SocketLimits,
    pub(crate) refusals: Mutex<Refusals>,
    /// Held by the `auth-refresh` that is checked: one follows another.
    pub(crate) refreshing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// Whether a socket was somewhere already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WasThere(pub(crate) bool);

struct State {
    phase: Phase,
    token: TokenTimes,
    rooms: HashSet<RoomId>,
    typing: HashSet<RoomId>,
    /// The exams the socket's student is in through it, or that its proctor watches.
    exams: HashSet<ExamId>,
    /// The papers it was sent, by their exams; as a hash of what they say.
    papers: HashMap<ExamId, u64>,
    /// The leaderboards it watches.
    boards: HashSet<BoardId>,
    watches_groups: bool,
}

/// A socket's user was removed from a room by somebody else.
pub(crate) fn removed(socket: &SocketRef, room: &RoomId) {
    if let Some(session) = socket.extensions.get::<Arc<Session>>() {
        session.leave(room);
    }
}

impl Session {
    pub(crate) fn new(
        sid: Sid,
        (actor, as_of): (Actor, u64),
        user: Arc<UserEntry>,
        token: TokenTimes,
        limits: &LimitSettings,
    ) -> Self {
        let state = State {
            phase: Phase::New,
            token,
            rooms: HashSet::new(),
            typing: HashSet::new(),
            exams: HashSet::new(),
            papers: HashMap::new(),
            boards: HashSet::new(),
            watches_groups: false,
        };
        Self {
            sid,
            actor,
            as_of,
            is_void: AtomicBool::new(false),
            user,
            limits: SocketLimits::new(limits),
            refusals: Mutex::new(Refusals::new(limits.refused_events, std::time::Instant::now())),
            refreshing: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// The socket is connected; false if it is gone already.
    pub(crate) fn open(&self) -> bool {
        let mut state = self.state.lock();
        let is_new = state.phase == Phase::New;
        if is_new {
            state.phase = Phase::Open;
        }
        is_new
    }

    /// The socket is gone; false if it had never been open.
    pub(crate) fn close(&self) -> bool {
        std::mem::replace(&mut self.state.lock().phase, Phase::Closed) == Phase::Open
    }

    /// What its user may do has changed: what waits is not done in the name of what they were.
    pub(crate) fn void(&self) {
        self.is_void.store(true, Ordering::Release);
    }

    /// Whether its user may still do what they might when it was opened.
    pub(crate) fn check(&self) -> Result<(), ErrorBody> {
        if self.is_void.load(Ordering::Acquire) {
            return Err(ErrorBody::new(code::UNAVAILABLE, "What you may do has changed; reconnect and send it again"));
        }
        Ok(())
    }

    pub(crate) fn token(&self) -> TokenTimes {
        self.state.lock().token
    }

    /// A new token takes the place of the one before.
    pub(crate) fn renew(&self, token: TokenTimes) {
        self.state.lock().token = token;
    }

    /// Notes that the socket is in a room; false if the socket is gone.
    pub(crate) fn enter(&self, room: &RoomId) -> bool {
        let mut state = self.state.lock();
        let is_here = state.phase != Phase::Closed;
        if is_here && state.rooms.insert(room.clone()) {
            self.user.enter(room);
        }
        is_here
    }

    /// Notes that the socket is no longer in a room; false if it was not.
    pub(crate) fn leave(&self, room: &RoomId) -> bool {
        let mut state = self.state.lock();
        state.typing.remove(room);
        let was_there = state.rooms.remove(room);
        if was_there {
            self.user.leave(room);
        }
        was_there
    }

    pub(crate) fn is_in(&self, room: &RoomId) -> bool {
        self.state.lock().rooms.contains(room)
    }

    pub(crate) fn set_typing(&self, room: &RoomId, is_typing: bool) {
        let mut state = self.state.lock();
        if is_typing && state.phase != Phase::Closed {
            state.typing.insert(room.clone());
        } else {
            state.typing.remove(room);
        }
    }

    /// Notes that the socket is in an exam, or watches it; what it was before, or `None` if it is gone.
    pub(crate) fn enter_exam(&self, exam: ExamId) -> Option<WasThere> {
        let mut state = self.state.lock();
        (state.phase != Phase::Closed).then(|| WasThere(!state.exams.insert(exam)))
    }

    /// Notes that the socket is in an exam no more; false if it was not.
    pub(crate) fn leave_exam(&self, exam: ExamId) -> bool {
        self.state.lock().exams.remove(&exam)
    }

    /// Notes which paper of an exam the socket is sent; true if it has had this one already.
    pub(crate) fn has_paper(&self, exam: ExamId, paper: u64) -> bool {
        let mut state = self.state.lock();
        if state.papers.len() >= MOST_PAPERS && !state.papers.contains_key(&exam) {
            state.papers.clear();
        }
        state.papers.insert(exam, paper) == Some(paper)
    }

    pub(crate) fn take_exams(&self) -> HashSet<ExamId> {
        std::mem::take(&mut self.state.lock().exams)
    }

    /// Notes that the socket watches the list of study groups; false if the socket is gone.
    pub(crate) fn watch_groups(&self) -> bool {
        let mut state = self.state.lock();
        state.watches_groups = state.phase != Phase::Closed;
        state.watches_groups
    }

    /// Whether the socket watches the list of study groups.
    pub(crate) fn watches_groups(&self) -> bool {
        self.state.lock().watches_groups
    }

    /// Whether the socket may watch a board besides those it watches.
    pub(crate) fn may_watch(&self, board: &BoardId) -> bool {
        let state = self.state.lock();
        state.boards.len() < MOST_BOARDS || state.boards.contains(board)
    }

    /// Notes that the socket watches a board; false if it is gone.
    pub(crate) fn watch(&self, board: &BoardId) -> bool {
        let mut state = self.state.lock();
        let is_here = state.phase != Phase::Closed;
        if is_here {
            state.boards.insert(board.clone());
        }
        is_here
    }

    /// Notes that the socket watches a board no more; false if it did not.
    pub(crate) fn unwatch(&self, board: &BoardId) -> bool {
        self.state.lock().boards.remove(board)
    }

    pub(crate) fn take_boards(&self) -> HashSet<BoardId> {
        std::mem::take(&mut self.state.lock().boards)
    }

    pub(crate) fn take_rooms(&self) -> HashSet<RoomId> {
        let rooms = std::mem::take(&mut self.state.lock().rooms);
        rooms.iter().for_each(|room| self.user.leave(room));
        rooms
    }

    pub(crate) fn take_typing(&self) -> HashSet<RoomId> {
        std::mem::take(&mut self.state.lock().typing)
    }
}
