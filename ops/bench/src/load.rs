//! Rooms full of clients that send, at a rate or as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::calibrate::Commits;
use crate::client::Client;
use crate::cpu::{Reading, rest};
use crate::report::Row;
use crate::tally::{Body, Seat, Tally, instant, now_ns};
use crate::target::Target;

/// How long the last messages may take after the sending has ended.
const DRAIN: Duration = Duration::from_secs(20);

/// How messages are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Drive {
    /// So many a second over all senders, evenly spread, whatever the answers do.
    Rate(f64),
    /// Each sender has so many messages unanswered at all times.
    Window(u32),
}

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) scenario: &'static str,
    pub(crate) case: String,
    pub(crate) rooms: usize,
    pub(crate) size: usize,
    /// How many in each room send.
    pub(crate) senders: usize,
    pub(crate) drive: Drive,
    pub(crate) body: Body,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// Room ids that nobody has used before, so that their numbering starts at 1.
pub(crate) fn fresh_rooms(count: usize) -> Vec<String> {
    static CASE: AtomicU32 = AtomicU32::new(0);
    let case = CASE.fetch_add(1, Ordering::Relaxed);
    let run = Uuid::new_v4().simple().to_string();
    let run = run.get(..8).unwrap_or_default();
    (0..count).map(|room| format!("bench-{run}-{case}-{room}")).collect()
}

impl Plan {
    /// Connects, sends, waits for the last delivery, disconnects.
    pub(crate) async fn run(&self, target: &Target) -> anyhow::Result<Row> {
        rest(&target.parts).await;
        let rooms = fresh_rooms(self.rooms);
        let clients = target.gather(&rooms, self.size).await?;
        let mut commits = match &target.postgres {
            Some(url) => Some(Commits::prepare(url).await?),
            None => None,
        };
        rest(&target.parts).await;
        let mut tally = Tally::new(rooms, self.size, self.body, target.numbers)?;
        tally.from_ns = now_ns() + self.warm_up.as_nanos() as u64;
        tally.until_ns = tally.from_ns + self.duration.as_nanos() as u64;
        let (from, until) = (instant(tally.from_ns), instant(tally.until_ns));
        let tally = Arc::new(Mutex::new(tally));
        let mut players = self.start(clients, &tally);

        sleep_until(from.into()).await;
        let before = Reading::take(&target.parts);
        let flushes = match &mut commits {
            Some(commits) => Some(commits.sample(until).await?),
            None => None,
        };
        sleep_until(until.into()).await;
        let cpu_percent = Reading::take(&target.parts).since(&before);
        let deadline = Instant::now() + DRAIN;
        while !tally.lock().is_settled() && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        // A repeat would come about now.
        sleep(Duration::from_millis(100)).await;
        players.shutdown().await;

        if let Some(commits) = commits {
            commits.end().await?;
        }
        let mut tally = tally.lock();
        tally.close();
        let mut row = Row::new(self.scenario, &self.case);
        row.cpu_percent = cpu_percent;
        self.figures(&tally, &mut row);
        if let Some(flushes) = flushes {
            row.figures.insert("commit_meanwhile_p50_ms", flushes.value_at_quantile(0.5) as f64 / 1e6);
        }
        row.faults = std::mem::take(&mut tally.faults);
        Ok(row)
    }

    fn start(&self, clients: Vec<Client>, tally: &Arc<Mutex<Tally>>) -> JoinSet<()> {
        let senders = self.rooms * self.senders;
        let mut nth = 0;
        let mut players = JoinSet::new();
        for (number, client) in clients.into_iter().enumerate() {
            let drive = (number % self.size < self.senders).then_some(self.drive);
            let pace = match drive {
                None => Pace::Listen,
                Some(Drive::Window(count)) => Pace::Window(count),
                Some(Drive::Rate(rate)) => {
                    nth += 1;
                    let first = Instant::now() + Duration::from_secs_f64(f64::from(nth) / rate);
                    Pace::Every(Duration::from_secs_f64(senders as f64 / rate), first)
                }
            };
            let tally = Arc::clone(tally);
            let seat = Seat::new(number / self.size);
            players.spawn(async move {
                if let Err(error) = play(client, seat, pace, &tally).await {
                    tally.lock().faults.error(format!("a client failed: {error:#}"));
                }
            });
        }
        players
    }

    fn figures(&self, tally: &Tally, row: &mut Row) {
        let seconds = self.duration.as_secs_f64();
        row.figures.insert("messages_per_s", tally.acknowledged as f64 / seconds);
        row.figures.insert("deliveries_per_s", tally.delivered as f64 / seconds);
        let mut latencies = |histogram: &Histogram<u64>, names: [&'static str; 3]| {
            if !histogram.is_empty() {
                let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
                row.figures.extend(names.into_iter().zip([at(0.5), at(0.99), histogram.max() as f64 / 1e6]));
            }
        };
        latencies(&tally.receive, ["receive_p50_ms", "receive_p99_ms", "receive_max_ms"]);
        latencies(&tally.last, ["last_p50_ms", "last_p99_ms", "last_max_ms"]);
        latencies(&tally.ack, ["ack_p50_ms", "ack_p99_ms", "ack_max_ms"]);
        latencies(&tally.late, ["late_p50_ms", "late_p99_ms", "late_max_ms"]);
    }
}

enum Pace {
    Listen,
    Every(Duration, Instant),
    Window(u32),
}

/// One client's part, until it is aborted.
async fn play(mut client: Client, mut seat: Seat, pace: Pace, tally: &Mutex<Tally>) -> anyhow::Result<()> {
    let refill = matches!(pace, Pace::Window(_));
    if let Pace::Window(count) = pace {
        let mut tally = tally.lock();
        (0..count).for_each(|_| tally.send(&mut seat, &mut client.outbox));
        client.flush()?;
    }
    let (every, mut due) = match pace {
        Pace::Every(every, first) => (Some(every), first),
        _ => (None, Instant::now()),
    };
    let timer = sleep_until(due);
    tokio::pin!(timer);
    loop {
        tokio::select! {
            biased;
            ready = client.ready() => {
                ready?;
                let mut tally = tally.lock();
                client.pump(|packet, outbox| {
                    if tally.book(&mut seat, &packet, now_ns()) && refill {
                        tally.send(&mut seat, outbox);
                    }
                })?;
            }
            () = timer.as_mut(), if every.is_some() => {
                let mut tally = tally.lock();
                tally.late.saturating_record(due.elapsed().as_nanos() as u64);
                tally.send(&mut seat, &mut client.outbox);
                client.flush()?;
                due += every.unwrap_or_default();
                timer.as_mut().reset(due);
            }
        }
    }
}
