//! The sockets that watch a leaderboard: each receives as many entries as it asked for, and its user's rank when it changes.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use sinaesta_bus::{Bus, Delivery};
use sinaesta_contracts::leaderboard::{
    BoardId, FindRanks, LeaderboardRankChanged, LeaderboardUpdated, MAX_ENTRIES, RequestLeaderboard, UserRank,
};
use sinaesta_contracts::{Actor, BoundedNumber, ServerEvent as _, UserId};
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tracing::Instrument as _;

use super::measure;
use super::member::{Emitted, Member};

/// Of how many users the ranks are asked for at a time: as many as one message of the broker holds with ease.
const MAX_USERS: usize = 5_000;
/// How soon a lagging socket is sent the board again.
const RETRY: Duration = Duration::from_millis(500);

/// A socket that watches, and how many entries it asked for.
struct Watcher {
    member: Member,
    limit: u32,
    /// Its buffer was full: it has an old board.
    is_lagging: bool,
    is_closed: bool,
}

impl Watcher {
    const fn new(member: Member, limit: u32) -> Self {
        Self { member, limit, is_lagging: false, is_closed: false }
    }

    /// False if the socket did not take it.
    fn emit(&mut self, event: &str, payload: &RawValue) -> bool {
        let emitted = self.member.emit(event, payload);
        self.is_lagging |= emitted == Emitted::Full;
        self.is_closed |= emitted == Emitted::Closed;
        emitted == Emitted::Buffered
    }
}

/// The watchers of a board.
pub(super) struct Board {
    bus: Bus,
    id: BoardId,
    watchers: Vec<Watcher>,
    /// The ranks of those who watch, as they were sent last.
    ranks: HashMap<UserId, UserRank>,
}

impl Board {
    pub(super) fn new(bus: Bus, id: BoardId) -> Self {
        Self { bus, id, watchers: Vec::new(), ranks: HashMap::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// A socket watches from now on; if it did already, with another limit.
    pub(super) fn enter(&mut self, member: Member, limit: u32, rank: Option<UserRank>, greet: impl FnOnce()) {
        self.leave(member.socket.id);
        if !member.socket.connected() {
            return;
        }
        greet();
        // Another socket of the same user may not have received a newer one.
        if let Some(rank) = rank {
            self.ranks.entry(member.user).or_insert(rank);
        }
        self.watchers.push(Watcher::new(member, limit));
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        let Some(at) = self.watchers.iter().position(|one| one.member.socket.id == sid) else { return };
        let user = self.watchers.swap_remove(at).member.user;
        if !self.watchers.iter().any(|one| one.member.user == user) {
            self.ranks.remove(&user);
        }
    }

    /// Emits to one socket a delivery that came before it entered.
    pub(super) fn repeat(&mut self, sid: Sid, delivery: &Delivery) {
        let Ok(mut updated) = serde_json::from_slice::<LeaderboardUpdated>(&delivery.payload) else { return };
        let Some(one) = self.watchers.iter_mut().find(|one| one.member.socket.id == sid) else { return };
        updated.entries.truncate(one.limit as usize);
        if let Ok(payload) = serde_json::value::to_raw_value(&updated) {
            one.emit(LeaderboardUpdated::NAME, &payload);
        }
    }

    pub(super) async fn deliver(&mut self, delivery: Delivery) {
        match serde_json::from_slice(&delivery.payload) {
            Ok(updated) => self.broadcast(updated).instrument(measure::span(&delivery)).await,
            Err(error) => tracing::error!(%error, event = delivery.event, "delivery dropped: it can't be read"),
        }
    }

    /// When [`Self::catch_up`] is due for lagging sockets.
    pub(super) fn due(&self) -> Option<Instant> {
        self.watchers.iter().any(|one| one.is_lagging).then(|| Instant::now() + RETRY)
    }

    /// After a disruption, and for lagging sockets: the board as it is now.
    pub(super) async fn catch_up(&mut self) {
        let request = RequestLeaderboard {
            period: self.id.period,
            specialty: self.id.specialty.clone().and_then(|name| name.try_into().ok()),
            limit: BoundedNumber::nearest(MAX_ENTRIES),
            around: false,
            period_start: None,
        };
        match self.bus.ask(&Actor::system(), &request).await {
            Ok(data) => {
                let updated = LeaderboardUpdated {
                    period: data.period,
                    specialty: data.specialty,
                    period_start: data.period_start,
                    entries: data.entries,
                    timestamp: data.timestamp,
                };
                self.broadcast(updated).await;
            }
            Err(error) => {
                tracing::debug!(error = %error.message, "board not fetched: leaderboard did not answer; the next update brings it")
            }
        }
    }

    async fn broadcast(&mut self, mut updated: LeaderboardUpdated) {
        let limits: BTreeSet<u32> = self.watchers.iter().map(|one| one.limit).collect();
        // From the longest to the shortest, so that each is cut from the one before.
        for limit in limits.into_iter().rev() {
            mutant!("board-limit-of-the-longest", (), updated.entries.truncate(limit as usize));
            let Ok(payload) = serde_json::value::to_raw_value(&updated) else { continue };
            let wanting = self.watchers.iter_mut().filter(|one| one.limit == limit);
            let emitted = wanting.map(|one| {
                one.is_lagging = false;
                one.emit(LeaderboardUpdated::NAME, &payload)
            });
            let emitted: u64 = emitted.map(u64::from).sum();
            metrics::counter!("gateway_emits_total", "event" => LeaderboardUpdated::NAME).increment(emitted);
        }
        self.watchers.retain(|one| !one.is_closed);
        self.broadcast_ranks().await;
    }

    async fn broadcast_ranks(&mut self) {
        let users: BTreeSet<UserId> = self.watchers.iter().map(|one| one.member.user).collect();
        let all: Vec<UserId> = users.iter().copied().collect();
        let mut found: HashMap<UserId, UserRank> = HashMap::new();
        for users in all.chunks(MAX_USERS) {
            let find = FindRanks { board: self.id.clone(), users: users.to_vec() };
            match self.bus.ask(&Actor::system(), &find).await {
                Ok(ranks) => found.extend(ranks.into_iter().map(|rank| (rank.user_id, rank))),
                Err(error) => {
                    return tracing::debug!(error = %error.message, "ranks not fetched: leaderboard did not answer");
                }
            }
        }
        for user in users {
            let (old, mut new) = (self.ranks.remove(&user), found.remove(&user));
            let place = |rank: &UserRank| (rank.rank, rank.total_score);
            if old.as_ref().map(place) != new.as_ref().map(place) || mutant!("board-rank-told-though-it-is-the-same") {
                if let Some(new) = &mut new {
                    new.previous_rank = old.map(|old| old.rank);
                }
                self.emit_rank(user, new.clone());
            }
            self.ranks.extend(new.map(|new| (user, new)));
        }
    }

    fn emit_rank(&mut self, user: UserId, user_rank: Option<UserRank>) {
        let (period, specialty) = (self.id.period, self.id.specialty.clone());
        let changed = LeaderboardRankChanged { period, specialty, user_rank };
        let Ok(payload): Result<Box<RawValue>, _> = serde_json::value::to_raw_value(&changed) else { return };
        for one in self.watchers.iter_mut().filter(|one| one.member.user == user) {
            one.emit(LeaderboardRankChanged::NAME, &payload);
        }
    }
}
