//! Notices which boards changed, and has them told. Each board is by itself: one whose command the broker does not take
//! keeps no other waiting.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use parking_lot::Mutex;
use sinaesta_contracts::Actor;
use sinaesta_contracts::leaderboard::{BoardId, Period, TellBoard};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::index::MARGIN;

/// How long the broker may take to store a command; the change is found again otherwise.
const ENQUEUE: Duration = Duration::from_secs(5);
/// So long after its last change a board is looked at no more: whatever was too early for telling was told since.
const SETTLED: Duration = Duration::from_secs(2);
/// Within one of these every replica makes the same command, and the broker drops all but the first; milliseconds.
const SLOT_MS: i128 = 250;
/// For so long, so often, boards are looked at after a period has ended here: which one runs is for the command's stamp to
/// say, and may be another one for a while.
const TURNING: Duration = Duration::from_secs(120);
const TURNING_AGAIN: Duration = Duration::from_secs(5);

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

/// The turn of a period, as this replica sees it.
struct Turn {
    boards: Vec<BoardId>,
    until: Instant,
    next: Instant,
}

/// Notices turns.
struct Turns<'c> {
    context: &'c Context,
    running: [OffsetDateTime; 3],
    turn: Option<Turn>,
}

impl<'c> Turns<'c> {
    fn new(context: &'c Context) -> Self {
        Self { context, running: Self::starts(context), turn: None }
    }

    fn starts(context: &Context) -> [OffsetDateTime; 3] {
        let now = context.clock.now();
        Period::ALL.map(|period| context.calendar.start(period, now))
    }

    /// A new week: its boards are empty, and those who watch are told.
    fn look(&mut self) {
        let Context { index, clock, changes, .. } = self.context;
        let (now, starts) = (clock.now(), Self::starts(self.context));
        index.forget_past(now);
        if starts != self.running && !mutant!("board-turn-of-the-week-not-told") {
            let mut boards = index.boards(now - MARGIN);
            boards.extend(index.boards(now));
            self.running = starts;
            self.turn = Some(Turn { boards, until: Instant::now() + TURNING, next: Instant::now() });
        }
        let Some(turn) = &mut self.turn else { return };
        if turn.next <= Instant::now() {
            changes.note(turn.boards.clone());
            turn.next += TURNING_AGAIN;
        }
        if turn.until <= Instant::now() {
            self.turn = None;
        }
    }
}

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    counter!("leaderboard_posts_failed_total").increment(0);
    let mut tick = interval(Duration::from_millis(context.settings.tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turns = Turns::new(&context);
    let (mut posted, mut under_way): (HashMap<BoardId, i128>, HashSet<BoardId>) = Default::default();
    let mut posts: JoinSet<BoardId> = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(done) = posts.join_next() => {
                if let Ok(board) = done {
                    under_way.remove(&board);
                }
                continue;
            }
            _ = tick.tick() => {}
        }
        turns.look();
        let slot = context.clock.now().unix_timestamp_nanos() / 1_000_000 / SLOT_MS;
        for board in context.changes.due() {
            if posted.get(&board) != Some(&slot) && under_way.insert(board.clone()) {
                posted.insert(board.clone(), slot);
                let context = context.clone();
                posts.spawn(async move { post(&context, board, slot).await });
            }
        }
        posted.retain(|_, at| *at == slot);
    }
}

/// Has one board told.
async fn post(context: &Context, board: BoardId, slot: i128) -> BoardId {
    let id = Uuid::new_v5(&Uuid::nil(), format!("{board}.{slot}").as_bytes());
    let tell = TellBoard { board: board.clone() };
    if let Err(error) = context.bus.post(id, &Actor::system(), &tell, ENQUEUE).await {
        counter!("leaderboard_posts_failed_total").increment(1);
        tracing::warn!(error = %error.message, ?board, "a board that changed can't be told yet");
        mutant!("board-that-was-not-taken-is-forgotten", return board);
        // It is still to be told.
        context.changes.note(vec![board.clone()]);
    }
    board
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_nats::jetstream;
    use sinaesta_contracts::{Service, Stream};

    use super::*;
    use crate::handlers::tests::{Bench, MONDAY, START, graded};

    #[tokio::test]
    async fn the_boards_of_a_period_that_ends_are_looked_at_again() {
        let bench = Bench::start(MONDAY - time::Duration::SECOND).await;
        bench.take(&[graded(1, 1, 5, (MONDAY - START).whole_seconds() - 60)]).await;
        let Context { clock, changes, .. } = &bench.context;
        let mut turns = Turns::new(&bench.context);
        turns.look();
        assert!(changes.due().is_empty());
        clock.advance(Duration::from_secs(2));
        turns.look();
        let due: BTreeSet<_> = changes.due().into_iter().map(|board| (board.period, board.specialty)).collect();
        assert!(
            due.is_superset(&BTreeSet::from([(Period::Weekly, None), (Period::Weekly, Some("Kardiologi".to_owned()))]))
        );
        // For two minutes, every few seconds; then no more.
        let turn = turns.turn.as_mut().unwrap();
        assert!(turn.next > Instant::now() && turn.until > Instant::now() + Duration::from_secs(100));
        changes.0.lock().clear();
        turn.next = Instant::now();
        turns.look();
        assert!(!changes.due().is_empty());
        turns.turn.as_mut().unwrap().until = Instant::now();
        turns.look();
        assert!(turns.turn.is_none());
    }

    #[tokio::test]
    async fn a_board_that_the_broker_has_no_room_for_is_told_when_it_has() {
        let bench = Bench::start(START).await;
        let Context { changes, .. } = &bench.context;
        let jetstream = jetstream::new(bench.client().await);
        let name = Stream::Commands(Service::Leaderboard).to_string();
        let config = jetstream.get_stream(&name).await.unwrap().cached_info().config.clone();
        jetstream.update_stream(&jetstream::stream::Config { max_bytes: 1, ..config.clone() }).await.unwrap();
        let board = BoardId { period: Period::Weekly, specialty: None };
        post(&bench.context, board.clone(), 1).await;
        assert_eq!(changes.due(), std::slice::from_ref(&board), "it is still to be told");
        jetstream.update_stream(&config).await.unwrap();
        changes.0.lock().clear();
        post(&bench.context, board, 2).await;
        assert_eq!(changes.due(), []);
        assert_eq!(jetstream.get_stream(&name).await.unwrap().cached_info().state.messages, 1);
    }
}
