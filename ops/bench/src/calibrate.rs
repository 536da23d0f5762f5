//! What the parts cost alone, on this machine, in this run.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, StorageType};
use hdrhistogram::Histogram;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, query};
use tokio::process::Command;
use uuid::Uuid;

use crate::cpu::Part;
use crate::process::Process;
use crate::report::Row;
use crate::target::Target;

/// As long as a message of the load.
const PAYLOAD: &str =
    "Laki-laki 54 tahun, nyeri dada menjalar ke lengan kiri sejak 2 jam, sesak, mual, keringat dingin. EKG?";

/// One-row inserts, one after another on one connection, each committed and on disk.
pub(crate) async fn commit(postgres_url: &str, duration: Duration) -> anyhow::Result<Row> {
    let mut commits = Commits::prepare(postgres_url).await?;
    let measured = measure(duration, async || commits.insert().await);
    let row = measured.await.map(|latencies| row("commit", "one-row insert, one connection", &latencies));
    commits.end().await?;
    row
}

/// One-row inserts into a table of our own.
pub(crate) struct Commits {
    db: PgConnection,
    name: String,
    insert: String,
}

impl Commits {
    pub(crate) async fn prepare(postgres_url: &str) -> anyhow::Result<Self> {
        let mut db = PgConnection::connect(postgres_url).await.context("Postgres can't be reached")?;
        let name = format!("bench_commit_{}", Uuid::new_v4().simple());
        let create = format!("CREATE TABLE {name} (id uuid PRIMARY KEY, message text NOT NULL)");
        query(AssertSqlSafe(create)).execute(&mut db).await?;
        let insert = format!("INSERT INTO {name} (id, message) VALUES ($1, $2)");
        Ok(Self { db, name, insert })
    }

    async fn insert(&mut self) -> anyhow::Result<()> {
        let insert = query(AssertSqlSafe(self.insert.clone())).bind(Uuid::new_v4()).bind(PAYLOAD);
        insert.execute(&mut self.db).await?;
        Ok(())
    }

    /// A few a second beside a load: what a flush costs depends on how busy the machine is. A virtual disk may take
    /// fifty times as long when all cores sleep.
    pub(crate) async fn sample(&mut self, until: Instant) -> anyhow::Result<Histogram<u64>> {
        const EVERY: Duration = Duration::from_millis(100);
        let mut latencies = Histogram::new_with_max(60_000_000_000, 3)?;
        while Instant::now() + EVERY < until {
            tokio::time::sleep(EVERY).await;
            let begin = Instant::now();
            self.insert().await?;
            latencies.saturating_record(begin.elapsed().as_nanos() as u64);
        }
        Ok(latencies)
    }

    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        query(AssertSqlSafe(format!("DROP TABLE {}", self.name))).execute(&mut self.db).await?;
        self.db.close().await?;
        Ok(())
    }
}

/// JetStream publishes, one after another, each acknowledged.
pub(crate) async fn broker(nats_url: &str, storage: StorageType, duration: Duration) -> anyhow::Result<Row> {
    let client = async_nats::connect(nats_url).await.context("NATS can't be reached")?;
    let context = jetstream::new(client);
    let name = format!("BENCH_{}", Uuid::new_v4().simple());
    let subject = format!("bench.{name}");
    let config = Config { name: name.clone(), subjects: vec![subject.clone()], storage, ..Config::default() };
    context.create_stream(config).await?;
    let measured = measure(duration, async || {
        context.publish(subject.clone(), PAYLOAD.into()).await?.await?;
        Ok(())
    });
    let case = match storage {
        StorageType::File => "JetStream publish acknowledged, on disk",
        StorageType::Memory => "JetStream publish acknowledged, in memory",
    };
    let row = measured.await.map(|latencies| row("broker", case, &latencies));
    context.delete_stream(name).await?;
    row
}

async fn measure(
    duration: Duration,
    mut once: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Histogram<u64>> {
    for _ in 0..20 {
        once().await?;
    }
    let mut latencies = Histogram::new_with_max(60_000_000_000, 3)?;
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let begin = Instant::now();
        once().await?;
        latencies.saturating_record(begin.elapsed().as_nanos() as u64);
    }
    Ok(latencies)
}

fn row(scenario: &'static str, case: &str, latencies: &Histogram<u64>) -> Row {
    let mut row = Row::new(scenario, case);
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e6;
    let figures = [("ack_p50_ms", at(0.5)), ("ack_p99_ms", at(0.99)), ("ack_max_ms", latencies.max() as f64 / 1e6)];
    row.figures.extend(figures);
    row
}

/// The echo server in a process of its own.
pub(crate) async fn echo_server() -> anyhow::Result<(Process, Target)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("echo-server");
    let (process, line) = Process::start_talking("echo", command).await?;
    let parts = vec![Part::new("echo", process.pid()), Part::ourselves()];
    let server = line.parse().with_context(|| format!("the echo server said: {line}"))?;
    let secret = SecretString::from("no secret: nothing is checked");
    Ok((process, Target { server, secret, parts, postgres: None, numbers: false }))
}
