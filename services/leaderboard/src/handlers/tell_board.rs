//! A board changed: its watchers get its top, at most once a second.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::leaderboard::{BoardId, LeaderboardEntry, LeaderboardUpdated, MAX_ENTRIES, Period, TellBoard};
use sinaesta_contracts::{Audience, Timestamp, UserId};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::Context;
use crate::index::Slice;

/// The least time between two updates of a board.
const PAUSE: Duration = Duration::from_secs(1);

pub struct Handler {
    context: Context,
    told: Mutex<HashMap<BoardId, Told>>,
}

/// What was told of a board last.
struct Told {
    revision: (OffsetDateTime, u64),
    at: Instant,
    ranks: HashMap<UserId, u32>,
}

impl Handler {
    pub(crate) fn new(context: Context) -> Self {
        Self { context, told: Mutex::default() }
    }

    /// What is to be told, if there is anything new.
    fn tell(&self, board: &BoardId) -> Option<LeaderboardUpdated> {
        let Context { index, clock, .. } = &self.context;
        let now = clock.now();
        let mut told = self.told.lock();
        let last = told.get(board);
        let revision = index.revision(board, now);
        if last.is_some_and(|last| last.revision == revision || last.at.elapsed() < PAUSE) {
            return None;
        }
        let mut entries = index.entries(board, Slice::Top(MAX_ENTRIES), now);
        for entry in &mut entries {
            // A new period's board has no ranks before it.
            let last = last.filter(|last| last.revision.0 == revision.0);
            entry.previous_rank = last.and_then(|last| last.ranks.get(&entry.user_id).copied());
        }
        let ranks = entries.iter().map(|entry: &LeaderboardEntry| (entry.user_id, entry.rank)).collect();
        told.insert(board.clone(), Told { revision, at: Instant::now(), ranks });
        Some(LeaderboardUpdated {
            period: board.period,
            specialty: board.specialty.clone(),
            period_start: (board.period != Period::AllTime).then_some(Timestamp(revision.0)),
            entries,
            timestamp: Timestamp(now),
        })
    }
}

impl CommandHandler for Handler {
    type Command = TellBoard;

    async fn handle(&self, batch: &[Received<TellBoard>]) -> Result<Vec<Outcome<()>>, Failure> {
        let outcome = |one: &Received<TellBoard>| match self.tell(&one.command.board) {
            Some(updated) => {
                let audience = Audience::Board(one.command.board.clone());
                Ok(Outcome::done(()).and(Outbound::deliver(audience, &updated)?))
            }
            None => Ok(Outcome::done(())),
        };
        batch.iter().map(outcome).collect()
    }
}
