//! An announcement to very many people, of whom some are connected; and notifications to one and to many.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use sinaesta_contracts::Role;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::Instant;

use super::Scale;
use crate::client::Client;
use crate::cpu::Reading;
use crate::report::Row;
use crate::stack::Stack;

/// Who is known, and who of them is connected.
const KNOWN: u32 = 100_000;
const CONNECTED: usize = 2_000;
/// How many announcements are made, one after another.
const ANNOUNCEMENTS: u32 = 20;
/// The number of the admin among the users of the load.
const ADMIN: usize = 900_000;

pub(super) async fn run(stack: &Stack, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    Ok(vec![announce(stack).await?, send(stack, scale, 1).await?, send(stack, scale, 200).await?])
}

/// Until the last of the connected has it, and how many rows it costs.
async fn announce(stack: &Stack) -> anyhow::Result<Row> {
    let target = stack.target()?;
    let mut db = PgConnection::connect(&stack.info()?.postgres.url).await?;
    db.execute(sqlx::AssertSqlSafe(format!(
        "INSERT INTO users (id, name, role)
         SELECT ('00000000-0000-4000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Peserta ' || n, 'STUDENT'
         FROM generate_series(1, {KNOWN}) n ON CONFLICT DO NOTHING"
    )))
    .await?;
    let mut clients = target.gather(&(0..20).map(|n| format!("bell-{n}")).collect::<Vec<_>>(), CONNECTED / 20).await?;
    let mut admin = Client::connect(target.server, ADMIN, &target.token(ADMIN, Role::SuperAdmin)?).await?;
    // Everybody has their inbox once they are told of the first one.
    let (mut all, mut first) =
        (Histogram::<u64>::new_with_max(60_000_000_000, 3)?, Histogram::<u64>::new_with_max(60_000_000_000, 3)?);
    let rows = "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM notification_reads)
                     + (SELECT count(*) FROM notification_inboxes)";
    let (mut before, mut cpu): (i64, Reading) = (0, Reading::take(&target.parts));
    for number in 0..=ANNOUNCEMENTS {
        if number == 1 {
            before = sqlx::query_scalar(rows).fetch_one(&mut db).await?;
            cpu = Reading::take(&target.parts);
        }
        let title = format!("Announcement {number} of {}", uuid::Uuid::now_v7());
        let payload = format!(r#"{{"type":"SYSTEM","title":"{title}","message":"Text","audience":{{"all":true}}}}"#);
        let sent = Instant::now();
        let heard = clients.iter_mut().map(async |client| {
            client.hear(r#"["new-notification","#, &title).await?;
            anyhow::Ok(sent.elapsed())
        });
        let (heard, _) = tokio::try_join!(try_join_all(heard), admin.ask("notification-send", &payload))?;
        if number > 0 {
            all.saturating_record(heard.iter().max().context("nobody is connected")?.as_nanos() as u64);
            first.saturating_record(heard.iter().min().context("nobody is connected")?.as_nanos() as u64);
        }
    }
    let after: i64 = sqlx::query_scalar(rows).fetch_one(&mut db).await?;
    db.close().await?;
    let mut row = Row::new("notification", format!("announced to {KNOWN} people, {CONNECTED} of them connected"));
    row.cpu_percent = Reading::take(&target.parts).since(&cpu);
    row.figures.extend([
        ("first_p50_ms", first.value_at_quantile(0.5) as f64 / 1e6),
        ("last_p50_ms", all.value_at_quantile(0.5) as f64 / 1e6),
        ("last_p99_ms", all.value_at_quantile(0.99) as f64 / 1e6),
        ("rows_each", (after - before) as f64 / f64::from(ANNOUNCEMENTS)),
    ]);
    Ok(row)
}

/// Each of so many users tells themselves, one after another, as fast as it is acknowledged.
async fn send(stack: &Stack, scale: &Scale, users: usize) -> anyhow::Result<Row> {
    let target = stack.target()?;
    let tokens = target.tokens(500_000, users)?;
    let connect = tokens.iter().enumerate().map(|(number, token)| Client::connect(target.server, number, token));
    let mut clients = try_join_all(connect).await?;
    let payload = r#"{"type":"SYSTEM","title":"Title","message":"Text"}"#;
    let (cpu, begun) = (Reading::take(&target.parts), Instant::now());
    let until = begun + scale.duration;
    let send = clients.iter_mut().map(async |client| {
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let sent = Instant::now();
            client.ask("notification-send", payload).await?;
            latencies.push(sent.elapsed());
        }
        anyhow::Ok(latencies)
    });
    let sent: Vec<Vec<Duration>> = try_join_all(send).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut latencies = Histogram::<u64>::new_with_max(60_000_000_000, 3)?;
    sent.iter().flatten().for_each(|one| latencies.saturating_record(one.as_nanos() as u64));
    let mut row = Row::new("notification", format!("sent by each of {users} to themselves, one unacknowledged"));
    row.cpu_percent = Reading::take(&target.parts).since(&cpu);
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e6;
    row.figures.extend([
        ("messages_per_s", latencies.len() as f64 / seconds),
        ("ack_p50_ms", at(0.5)),
        ("ack_p99_ms", at(0.99)),
        ("ack_max_ms", latencies.max() as f64 / 1e6),
    ]);
    Ok(row)
}
