//! A board changed: its watchers get its top, at most once a second.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::leaderboard::{BoardId, LeaderboardEntry, LeaderboardUpdated, MAX_ENTRIES, Period, TellBoard};
use sinaesta_contracts::{Audience, Timestamp, UserId};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::context::Context;
use crate::index::{Index, Slice};

/// The least time between two updates of a board.
const PAUSE: Duration = Duration::from_secs(1);

pub struct Handler {
    index: Index,
    told: Mutex<HashMap<BoardId, Told>>,
}

/// What was told of a board last.
struct Told {
    revision: (OffsetDateTime, u64),
    ranks: HashMap<UserId, u32>,
    /// The command that told it, when that was stored, and what it said: its repeat says it again.
    by: Uuid,
    at: OffsetDateTime,
    outbound: Outbound,
}

impl Handler {
    pub(crate) fn new(context: Context) -> Self {
        Self { index: context.index, told: Mutex::default() }
    }

    /// What a command is to tell, if there is anything new: which period runs, and whether the last update is long enough
    /// ago, its stamp decides.
    fn tell(&self, one: &Received<TellBoard>) -> Result<Option<Outbound>, Failure> {
        let (board, at) = (&one.command.board, one.stamped_at);
        let mut told = self.told.lock();
        let last = told.get(board);
        if let Some(last) = last.filter(|last| last.by == one.id && !mutant!("board-repeat-not-told-again")) {
            return Ok(Some(last.outbound.clone()));
        }
        let revision = self.index.revision(board, at);
        let is_known =
            |last: &Told| last.revision == revision || (at < last.at + PAUSE && !mutant!("board-told-without-a-pause"));
        if last.is_some_and(is_known) || self.index.is_unreadable(board, at) {
            return Ok(None);
        }
        let mut entries = self.index.entries(board, Slice::Top(MAX_ENTRIES), at);
        for entry in &mut entries {
            // A new period's board has no ranks before it.
            let last = last.filter(|last| last.revision.0 == revision.0 || mutant!("board-ranks-of-the-week-before"));
            entry.previous_rank = last.and_then(|last| last.ranks.get(&entry.user_id).copied());
        }
        let ranks = entries.iter().map(|entry: &LeaderboardEntry| (entry.user_id, entry.rank)).collect();
        let updated = LeaderboardUpdated {
            period: board.period,
            specialty: board.specialty.clone(),
            period_start: (board.period != Period::AllTime).then_some(Timestamp(revision.0)),
            entries,
            timestamp: Timestamp(at),
        };
        let outbound = Outbound::deliver(Audience::Board(board.clone()), &updated)?;
        told.insert(board.clone(), Told { revision, ranks, by: one.id, at, outbound: outbound.clone() });
        Ok(Some(outbound))
    }
}

impl CommandHandler for Handler {
    type Command = TellBoard;

    async fn handle(&self, batch: &[Received<TellBoard>]) -> Result<Vec<Outcome<()>>, Failure> {
        let outcome = |one: &Received<TellBoard>| {
            let mut outcome = Outcome::done(());
            outcome.outbound.extend(self.tell(one)?);
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}
