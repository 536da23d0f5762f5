//! Everybody connects at once, as when an exam begins; and what a connection costs that then says nothing.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use nix::sys::resource::{Resource, getrlimit};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Scale, Scenario};
use crate::client::Client;
use crate::cpu::{Reading, resident, rest};
use crate::load::fresh_rooms;
use crate::report::Row;
use crate::stack::Stack;

const ROOM_SIZE: usize = 10;
/// Until what connecting left behind is done.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) async fn run(stack: &mut Stack, scale: &Scale, wanted: &[Scenario]) -> anyhow::Result<Vec<Row>> {
    check_limit(scale.sockets)?;
    // Nobody knows these users: each repeat has others.
    let first_user = 1_000_000 + (Uuid::new_v4().as_u128() % 1_000_000_000) as usize;
    let mut rows = Vec::new();

    let storm = Storm::connect(&mut *stack, first_user, scale.sockets).await?;
    rows.push(storm.row("connect", &format!("{} at once, users seen for the first time", scale.sockets)));
    storm.disperse().await;

    stack.renew_gateway().await?;
    let pid = stack.gateway_pid().context("no gateway")?;
    rest(&stack.target()?.parts).await;
    let before = resident(pid);
    let storm = Storm::connect(&mut *stack, first_user, scale.sockets).await?;
    rows.push(storm.row("connect", &format!("{} at once, known users", scale.sockets)));
    if !wanted.contains(&Scenario::Connect) {
        rows.clear();
    }
    if wanted.contains(&Scenario::Idle) {
        sleep(SETTLE).await;
        rest(&stack.target()?.parts).await;
        rows.extend(before.zip(resident(pid)).map(|(before, after)| storm.memory(before, after)));
    }
    storm.disperse().await;
    Ok(rows)
}

/// Each socket is a file, here and in the gateway, which inherits the limit.
fn check_limit(sockets: usize) -> anyhow::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        sockets as u64 + 200 <= limit,
        "{sockets} sockets need more than the {limit} open files allowed: ulimit -n"
    );
    Ok(())
}

/// Sockets that connected at the same time, and are kept.
struct Storm {
    sockets: JoinSet<()>,
    row: Row,
    connected: usize,
}

impl Storm {
    async fn connect(stack: &mut Stack, first_user: usize, count: usize) -> anyhow::Result<Self> {
        let target = stack.target()?;
        rest(&target.parts).await;
        let tokens = target.tokens(first_user, count)?;
        let rooms = fresh_rooms(count.div_ceil(ROOM_SIZE));
        let (done, mut results) = mpsc::unbounded_channel();
        let mut sockets = JoinSet::new();
        let (cpu, begin) = (Reading::take(&target.parts), Instant::now());
        for (number, token) in tokens.into_iter().enumerate() {
            let room = rooms.get(number / ROOM_SIZE).cloned().unwrap_or_default();
            let (server, done) = (target.server, done.clone());
            sockets.spawn(async move {
                match enter(server, number, &token, &room).await {
                    Ok(client) => {
                        done.send(Ok(begin.elapsed())).ok();
                        stay(client).await;
                    }
                    Err(error) => drop(done.send(Err(error))),
                }
            });
        }
        drop(done);
        let mut row = Row::default();
        let mut latencies = Histogram::<u64>::new_with_max(60_000_000_000, 3)?;
        for _ in 0..count {
            match results.recv().await {
                Some(Ok(took)) => latencies.saturating_record(took.as_nanos() as u64),
                Some(Err(error)) => row.faults.error(format!("{error:#}")),
                None => break,
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        row.cpu_percent = Reading::take(&target.parts).since(&cpu);
        let connected = latencies.len() as usize;
        let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e6;
        row.figures.extend([
            ("total_s", seconds),
            ("connections_per_s", connected as f64 / seconds),
            ("refused", (count - connected) as f64),
            ("joined_p50_ms", at(0.5)),
            ("joined_p99_ms", at(0.99)),
        ]);
        Ok(Self { sockets, row, connected })
    }

    fn row(&self, scenario: &'static str, case: &str) -> Row {
        Row { scenario, case: case.to_owned(), ..self.row.clone() }
    }

    fn memory(&self, before: u64, after: u64) -> Row {
        let mut row = Row::new("idle", format!("{} connected, joined and silent", self.connected));
        let each = after.saturating_sub(before) as f64 / self.connected.max(1) as f64 / 1024.0;
        let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        row.figures.extend([("kib_per_connection", each), ("before_mib", mib(before)), ("after_mib", mib(after))]);
        let lost = self.connected.saturating_sub(self.sockets.len());
        if lost > 0 {
            row.faults.error(format!("{lost} sockets did not stay"));
        }
        row
    }

    async fn disperse(mut self) {
        self.sockets.shutdown().await;
    }
}

async fn enter(server: std::net::SocketAddr, number: usize, token: &str, room: &str) -> anyhow::Result<Client> {
    let mut client = Client::connect(server, number, token).await?;
    client.join(room).await?;
    Ok(client)
}

/// Answers pings until it is told to go.
async fn stay(mut client: Client) {
    while client.ready().await.is_ok() && client.pump(|_, _| ()).is_ok() {}
}
