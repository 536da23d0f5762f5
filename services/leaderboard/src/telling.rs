//! Notices which boards changed, and has them told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_contracts::Actor;
use sinaesta_contracts::leaderboard::{BoardId, Period, TellBoard};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Context, POST};

/// So long after its last change a board is looked at no more: whatever was too early for telling was told since.
const SETTLED: Duration = Duration::from_secs(2);
/// Within one of these every replica makes the same command, and the broker drops all but the first; milliseconds.
const SLOT_MS: i128 = 250;

/// The boards that changed, and when each did last; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<HashMap<BoardId, Instant>>>);

impl Changes {
    /// Notes that boards changed.
    pub(crate) fn note(&self, boards: Vec<BoardId>) {
        let now = Instant::now();
        self.0.lock().extend(boards.into_iter().map(|board| (board, now)));
    }

    /// The boards that changed lately.
    fn due(&self) -> Vec<BoardId> {
        let mut changes = self.0.lock();
        let due = changes.keys().cloned().collect();
        changes.retain(|_, changed| changed.elapsed() < SETTLED);
        due
    }
}

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut tick = interval(Duration::from_millis(context.settings.tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut posted: HashMap<BoardId, i128> = HashMap::new();
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
            let before = context.index.boards(now - Duration::from_secs(60 * 60));
            running = starts(now);
            context.changes.note(before);
            context.index.forget_past(now);
        }
        let slot = now.unix_timestamp_nanos() / 1_000_000 / SLOT_MS;
        for board in context.changes.due() {
            if posted.get(&board) == Some(&slot) {
                continue;
            }
            let id = Uuid::new_v5(&Uuid::nil(), format!("{board}.{slot}").as_bytes());
            match context.bus.post(id, &Actor::system(), &TellBoard { board: board.clone() }, POST).await {
                Ok(()) => drop(posted.insert(board, slot)),
                Err(error) => tracing::warn!(error = %error.message, "a board that changed can't be told yet"),
            }
        }
        posted.retain(|_, at| *at == slot);
    }
}
