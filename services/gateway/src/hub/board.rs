//! Those who watch one leaderboard: each gets as many entries as they asked for, and their own place when it changes.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::value::RawValue;
use sinaesta_bus::{Bus, Delivery};
use sinaesta_contracts::leaderboard::{
    BoardId, FindRanks, LeaderboardRankChanged, LeaderboardUpdated, MAX_ENTRIES, RequestLeaderboard, UserRank,
};
use sinaesta_contracts::{Actor, BoundedNumber, ServerEvent as _, UserId};
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::measure;
use super::member::{Listening, Member};

/// Of how many people the ranks are asked for at a time: as many as one message of the broker holds with ease.
const ASKED: usize = 5_000;
/// How soon a socket whose buffer was full is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// A socket that watches, and how many entries it wants.
struct Watcher {
    listening: Listening,
    limit: u32,
}

/// The watchers of a board.
pub(super) struct Board {
    bus: Bus,
    id: BoardId,
    watchers: Vec<Watcher>,
    /// Where those who watch stood when they were told last.
    ranks: HashMap<UserId, UserRank>,
}

impl Board {
    pub(super) fn new(bus: Bus, id: BoardId) -> Self {
        Self { bus, id, watchers: Vec::new(), ranks: HashMap::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// A socket watches from now on; again, if it asked for the board again.
    pub(super) fn enter(
        &mut self,
        member: Member,
        limit: u32,
        rank: Option<UserRank>,
        greet: Box<dyn FnOnce() + Send>,
    ) {
        self.leave(member.socket.id);
        if !member.socket.connected() {
            return;
        }
        greet();
        // Another socket of the same user may not have heard of a newer one.
        if let Some(rank) = rank {
            self.ranks.entry(member.user).or_insert(rank);
        }
        self.watchers.push(Watcher { listening: Listening::new(member), limit });
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        let Some(at) = self.watchers.iter().position(|one| one.listening.member.socket.id == sid) else { return };
        let user = self.watchers.swap_remove(at).listening.member.user;
        if !self.watchers.iter().any(|one| one.listening.member.user == user) {
            self.ranks.remove(&user);
        }
    }

    /// Emits to one socket what was delivered before it entered.
    pub(super) fn repeat(&mut self, sid: Sid, delivery: &Delivery) {
        let Ok(mut updated) = serde_json::from_slice::<LeaderboardUpdated>(&delivery.payload) else { return };
        let Some(one) = self.watchers.iter_mut().find(|one| one.listening.member.socket.id == sid) else { return };
        updated.entries.truncate(one.limit as usize);
        if let Ok(payload) = serde_json::value::to_raw_value(&updated) {
            one.listening.emit(None, LeaderboardUpdated::NAME, &payload);
        }
    }

    pub(super) async fn deliver(&mut self, delivery: Delivery) {
        match serde_json::from_slice(&delivery.payload) {
            Ok(updated) => self.tell(updated).instrument(measure::span(&delivery)).await,
            Err(error) => tracing::error!(%error, event = delivery.event, "a delivery can't be read"),
        }
    }

    /// When [`Self::catch_up`] is due: a socket that could not take the last update has an old board.
    pub(super) fn due(&self) -> Option<Instant> {
        self.watchers.iter().any(|one| one.listening.is_behind).then(|| Instant::now() + AGAIN)
    }

    /// After a disruption: the board as it is.
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
                self.tell(updated).await;
            }
            // The next change brings it.
            Err(error) => tracing::debug!(error = %error.message, "a board can't be had yet"),
        }
    }

    async fn tell(&mut self, mut updated: LeaderboardUpdated) {
        let limits: BTreeSet<u32> = self.watchers.iter().map(|one| one.limit).collect();
        // From the longest to the shortest, so that each is cut from the one before.
        for limit in limits.into_iter().rev() {
            mutant!("board-limit-of-the-longest", (), updated.entries.truncate(limit as usize));
            let Ok(payload) = serde_json::value::to_raw_value(&updated) else { continue };
            let wanting = self.watchers.iter_mut().filter(|one| one.limit == limit);
            let emitted = wanting.map(|one| one.listening.emit(None, LeaderboardUpdated::NAME, &payload));
            let emitted: u64 = emitted.map(u64::from).sum();
            metrics::counter!("gateway_emits_total", "event" => LeaderboardUpdated::NAME).increment(emitted);
        }
        self.watchers.retain(|one| !one.listening.is_gone);
        self.tell_ranks().await;
    }

    async fn tell_ranks(&mut self) {
        let users: BTreeSet<UserId> = self.watchers.iter().map(|one| one.listening.member.user).collect();
        let all: Vec<UserId> = users.iter().copied().collect();
        let mut found: HashMap<UserId, UserRank> = HashMap::new();
        for users in all.chunks(ASKED) {
            let find = FindRanks { board: self.id.clone(), users: users.to_vec() };
            match self.bus.ask(&Actor::system(), &find).await {
                Ok(ranks) => found.extend(ranks.into_iter().map(|rank| (rank.user_id, rank))),
                Err(error) => return tracing::debug!(error = %error.message, "ranks can't be had yet"),
            }
        }
        for user in users {
            let (old, mut new) = (self.ranks.remove(&user), found.remove(&user));
            let place = |rank: &UserRank| (rank.rank, rank.total_score);
            if old.as_ref().map(place) != new.as_ref().map(place) || mutant!("board-rank-told-though-it-is-the-same") {
                if let Some(new) = &mut new {
                    new.previous_rank = old.map(|old| old.rank);
                }
                self.tell_rank(user, new.clone());
            }
            self.ranks.extend(new.map(|new| (user, new)));
        }
    }

    fn tell_rank(&mut self, user: UserId, user_rank: Option<UserRank>) {
        let (period, specialty) = (self.id.period, self.id.specialty.clone());
        let changed = LeaderboardRankChanged { period, specialty, user_rank };
        let Ok(payload): Result<Box<RawValue>, _> = serde_json::value::to_raw_value(&changed) else { return };
        for one in self.watchers.iter_mut().filter(|one| one.listening.member.user == user) {
            one.listening.emit(None, LeaderboardRankChanged::NAME, &payload);
        }
    }
}
