//! What is measured. One file for each subject; each case gives one row.

mod connect;
mod exam;
mod fanout;
mod latency;
mod leaderboard;
mod notification;
mod throughput;

use std::time::Duration;

use async_nats::jetstream::stream::StorageType;
use clap::ValueEnum;

use crate::calibrate;
use crate::report::Row;
use crate::stack::Stack;

/// In the order in which they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Calibration: a one-row insert, committed.
    Commit,
    /// Calibration: a JetStream publish, acknowledged.
    Broker,
    /// Calibration: a bare Socket.IO server of the same library.
    Echo,
    /// Rooms of 2 at 50 messages/s.
    Pairs,
    /// 10 rooms of 10 at 50 and at 480 messages/s.
    Rooms10,
    /// The highest rate that is held: 20 rooms of 10, 4 rooms of 100, plain and with HTML.
    Throughput,
    /// Until the last of 2,000 has it; 1,000 at 300 messages/s.
    Fanout,
    /// All sockets connect and join at once.
    Connect,
    /// Memory for each idle connection.
    Idle,
    /// Answers in an exam, as fast as they are acknowledged.
    Answers,
    /// 1,000 students give 20 answers each at once, and hand in.
    ExamRush,
    /// A million people on leaderboards: reading them, asking for ranks, applying results.
    Leaderboard,
    /// An announcement to 100,000 people of whom 2,000 are connected; notifications to one and to many.
    Notification,
}

impl Scenario {
    pub(crate) const fn needs_stack(self) -> bool {
        !matches!(self, Self::Echo)
    }
}

/// How long and how large.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// Of each measurement, after its warm-up.
    pub(crate) duration: Duration,
    /// Connecting at once, and idle.
    pub(crate) sockets: usize,
    /// On the leaderboards.
    pub(crate) people: u32,
}

impl Scale {
    const WARM_UP: Duration = Duration::from_secs(1);

    fn brief(&self) -> Duration {
        self.duration.min(Duration::from_secs(3))
    }
}

/// Measures each wanted scenario once.
pub(crate) async fn run(scenario: Scenario, stack: &mut Stack, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    match scenario {
        Scenario::Commit => Ok(vec![calibrate::commit(&stack.info()?.postgres.url, scale.brief()).await?]),
        Scenario::Broker => {
            let nats = &stack.info()?.nats.url;
            let file = calibrate::broker(nats, StorageType::File, scale.brief()).await?;
            Ok(vec![file, calibrate::broker(nats, StorageType::Memory, scale.brief()).await?])
        }
        Scenario::Pairs => latency::pairs("pairs", &stack.target()?, scale).await,
        Scenario::Rooms10 => latency::rooms10("rooms10", &stack.target()?, scale).await,
        Scenario::Throughput => throughput::all(&stack.target()?, scale).await,
        Scenario::Fanout => fanout::all(&stack.target()?, scale).await,
        Scenario::Connect => connect::run(stack, scale).await,
        Scenario::Idle => connect::idle(stack, scale).await,
        Scenario::Answers => exam::answers(&stack.target()?, scale).await,
        Scenario::Leaderboard => leaderboard::run(stack, scale).await,
        Scenario::Notification => notification::run(stack, scale).await,
        Scenario::ExamRush => exam::rush(&stack.target()?, scale).await,
        Scenario::Echo => echo(scale).await,
    }
}

/// The same load on the bare server.
async fn echo(scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let (server, target) = calibrate::echo_server().await?;
    let rows = async {
        let mut rows = latency::pairs("echo", &target, scale).await?;
        rows.extend(latency::rooms10("echo", &target, scale).await?);
        rows.extend(throughput::echo(&target, scale).await?);
        rows.extend(fanout::echo(&target, scale).await?);
        Ok(rows)
    };
    let rows = rows.await;
    server.stop().await;
    rows
}
