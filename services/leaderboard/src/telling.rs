//! Notices which boards changed, and has them told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_contracts::Actor;
use sinaesta_contracts::leaderboard::{BoardId, Period, TellBoard};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Context, POST};

/// So many seconds after its last change a board is looked at no more: whatever was told too early was told again.
const SETTLED: i64 = 2;

/// The boards that changed, and the second in which each did last; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<HashMap<BoardId, i64>>>);

impl Changes {
    /// Notes that boards changed.
    pub(crate) fn note(&self, boards: Vec<BoardId>, at: OffsetDateTime) {
        let mut changes = self.0.lock();
        changes.extend(boards.into_iter().map(|board| (board, at.unix_timestamp())));
    }

    /// The boards that are to be told in this second.
    fn due(&self, second: i64) -> Vec<BoardId> {
        let mut changes = self.0.lock();
        let due = changes.keys().cloned().collect();
        changes.retain(|_, changed| *changed + SETTLED >= second);
        due
    }
}

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut tick = interval(Duration::from_millis(context.settings.tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut posted: HashMap<BoardId, i64> = HashMap::new();
    let starts = |now| Period::ALL.map(|period| context.calendar.start(period, now));
    let mut running = starts(context.clock.now());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = context.clock.now();
        // A new week: its boards are empty, and those who watch are told.
        if starts(now) != running {
            running = starts(now);
            context.changes.note(context.index.boards(), now);
        }
        let second = now.unix_timestamp();
        for board in context.changes.due(second) {
            if posted.get(&board) == Some(&second) {
                continue;
            }
            // Every replica that notices within the same second makes the same id, and the broker drops all but one.
            let id = Uuid::new_v5(&Uuid::nil(), format!("{board}.{second}").as_bytes());
            match context.bus.post(id, &Actor::system(), &TellBoard { board: board.clone() }, POST).await {
                Ok(()) => drop(posted.insert(board, second)),
                Err(error) => tracing::warn!(error = %error.message, "a board that changed can't be told yet"),
            }
        }
        posted.retain(|_, at| *at == second);
    }
}
