//! Everybody connects at once, as when an exam begins; and what a connection costs that then says nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use nix::sys::resource::{Resource, getrlimit};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Scale;
use crate::client::Client;
use crate::cpu::{Reading, resident, rest};
use crate::load::fresh_rooms;
use crate::report::Row;
use crate::stack::Stack;
use crate::target::Target;

/// As when everybody talks to a tutor: the most rooms, and the least that sockets share.
const ROOM_SIZE: usize = 2;
/// Until what connecting left behind is done.
const SETTLE: Duration = Duration::from_secs(3);
/// How many connect at a time where that is not what is measured.
const GENTLY: usize = 64;

pub(super) async fn run(stack: &mut Stack, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    // Nobody knows these users: each repeat has others.
    let first_user = 1_000_000 + (Uuid::new_v4().as_u128() % 1_000_000_000) as usize;
    let mut rows = Vec::new();
    for kind in ["users seen for the first time", "known users"] {
        stack.renew_gateway().await?;
        let storm = Storm::connect(&stack.target()?, first_user, scale.sockets, scale.sockets).await?;
        rows.push(Row { scenario: "connect", case: format!("{} at once, {kind}", scale.sockets), ..storm.row.clone() });
        storm.disperse().await;
    }
    Ok(rows)
}

/// Memory of the gateway for each connection that is joined and silent.
pub(super) async fn idle(stack: &mut Stack, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    stack.renew_gateway().await?;
    let (target, pid) = (stack.target()?, stack.gateway_pid().context("no gateway")?);
    rest(&target.parts).await;
    let before = resident(pid);
    let mut storm = Storm::connect(&target, 0, scale.sockets, GENTLY).await?;
    sleep(SETTLE).await;
    rest(&target.parts).await;
    let memory = before.zip(resident(pid));
    let cpu = Reading::take(&target.parts);
    sleep(scale.duration).await;
    let cpu_percent = Reading::take(&target.parts).since(&cpu);
    let mut row = storm.memory(scale.sockets, memory.context("memory can't be read on this system")?);
    row.cpu_percent = cpu_percent;
    storm.disperse().await;
    Ok(vec![row])
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
    /// So many, `abreast` of them at a time.
    async fn connect(target: &Target, first_user: usize, count: usize, abreast: usize) -> anyhow::Result<Self> {
        check_limit(count)?;
        rest(&target.parts).await;
        let tokens = target.tokens(first_user, count)?;
        let rooms = fresh_rooms(count.div_ceil(ROOM_SIZE));
        let (done, mut results) = mpsc::unbounded_channel();
        let abreast = Arc::new(Semaphore::new(abreast));
        let mut sockets = JoinSet::new();
        let (cpu, begin) = (Reading::take(&target.parts), Instant::now());
        for (number, token) in tokens.into_iter().enumerate() {
            let room = rooms.get(number / ROOM_SIZE).cloned().unwrap_or_default();
            let (server, done, abreast) = (target.server, done.clone(), Arc::clone(&abreast));
            sockets.spawn(async move {
                let turn = abreast.acquire().await;
                let entered = enter(server, number, &token, &room).await;
                drop(turn);
                match entered {
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

    fn memory(&mut self, wanted: usize, (before, after): (u64, u64)) -> Row {
        let mut row = Row::new("idle", format!("{wanted} connected, joined and silent"));
        let each = after.saturating_sub(before) as f64 / self.connected.max(1) as f64 / 1024.0;
        let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        row.figures.extend([("kib_per_connection", each), ("before_mib", mib(before)), ("after_mib", mib(after))]);
        row.faults = std::mem::take(&mut self.row.faults);
        let refused = wanted - self.connected;
        let ended = std::iter::from_fn(|| self.sockets.try_join_next()).count();
        if ended > refused {
            row.faults.error(format!("{} sockets did not stay", ended - refused));
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
