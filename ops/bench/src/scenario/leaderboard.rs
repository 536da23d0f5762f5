//! Leaderboards with very many people: how long reading them takes, what a rank costs, and how many results are applied.

use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use sinaesta_clock::Clock;
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::{Event as _, ExamId, Points, ResultId, SessionId, Subject, Timestamp, UserId};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::Scale;
use crate::client::Client;
use crate::cpu::{Reading, resident, rest};
use crate::report::Row;
use crate::stack::Stack;

const SPECIALTIES: u32 = 12;
/// How many of all people have sat an exam this week and this month.
const ACTIVE_SHARE: u32 = 10;
/// How many results are applied.
const RESULTS: u32 = 20_000;
/// How many results wait for the broker.
const AT_A_TIME: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn run(stack: &mut Stack, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let (pid, _, _) = stack.start_leaderboard().await?;
    let empty = resident(pid).context("memory can't be read on this system")?;
    let entries = fill(&stack.info()?.postgres.url, scale.people).await?;
    let (pid, port, took) = stack.start_leaderboard().await?;
    let mut rows = vec![read(scale, entries, took, resident(pid).unwrap_or_default().saturating_sub(empty))];
    rest(&stack.target()?.parts).await;
    rows.extend(ask(stack, scale, port).await?);
    rows.push(apply(stack, scale, port).await?);
    Ok(rows)
}

/// Puts people onto the boards; gives how many entries that are.
async fn fill(url: &str, people: u32) -> anyhow::Result<u64> {
    let mut db = PgConnection::connect(url).await?;
    let person = "('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
    db.execute(sqlx::AssertSqlSafe(format!(
        "INSERT INTO leaderboard_people (user_id, name, seen_at) SELECT {person}, 'Peserta Nomor ' || n, now()
         FROM generate_series(1, {people}) n ON CONFLICT DO NOTHING"
    )))
    .await?;
    let weekly = "date_trunc('week', now() AT TIME ZONE 'Asia/Jakarta') AT TIME ZONE 'Asia/Jakarta'";
    let monthly = "date_trunc('month', now() AT TIME ZONE 'Asia/Jakarta') AT TIME ZONE 'Asia/Jakarta'";
    let periods =
        [("all_time", "to_timestamp(0)", 1), ("weekly", weekly, ACTIVE_SHARE), ("monthly", monthly, ACTIVE_SHARE)];
    for (period, start, share) in periods {
        for specialty in ["''".to_owned(), format!("'Spesialis ' || (n % {SPECIALTIES})")] {
            db.execute(sqlx::AssertSqlSafe(format!(
                    "INSERT INTO leaderboard_entries
                       (period, period_start, specialty, user_id, total_hundredths, exams_completed, reached_at, version)
                     SELECT '{period}', {start}, {specialty}, {person}, (hashint4(n) & 262143)::bigint, 1 + (n % 30),
                            now() - make_interval(secs => n % 100000), nextval('leaderboard_version')
                     FROM generate_series(1, {people} / {share}) n ON CONFLICT DO NOTHING"
                )))
            .await?;
        }
    }
    db.execute("ANALYZE leaderboard_entries").await?;
    // All of them, should they have been there already.
    let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM leaderboard_entries").fetch_one(&mut db).await?;
    db.close().await?;
    Ok(u64::try_from(entries)?)
}

fn read(scale: &Scale, entries: u64, took: Duration, bytes: u64) -> Row {
    let mut row = Row::new("leaderboard", format!("{} people, {entries} entries read", scale.people));
    row.figures.extend([
        ("ready_s", took.as_secs_f64()),
        ("memory_mib", bytes as f64 / 1024.0 / 1024.0),
        ("bytes_per_entry", bytes as f64 / entries.max(1) as f64),
    ]);
    row
}

/// One after another from one socket, with one's own rank; and what that took within the service.
async fn ask(stack: &Stack, scale: &Scale, port: u16) -> anyhow::Result<Vec<Row>> {
    let target = stack.target()?;
    let mut client = Client::connect(target.server, 0, &target.tokens(0, 1)?.pop().context("no token")?).await?;
    let mut rows = Vec::new();
    for (case, more) in [("top 50", ""), ("top 50 of a specialty", r#","specialty":"Spesialis 3""#)] {
        let payload = format!(r#"{{"period":"all_time","limit":50{more}}}"#);
        let mut latencies = Histogram::<u64>::new_with_max(60_000_000_000, 3)?;
        let before = Reading::take(&target.parts);
        let until = Instant::now() + scale.duration;
        while Instant::now() < until {
            let sent = Instant::now();
            client.ask("leaderboard-request", &payload).await?;
            latencies.saturating_record(sent.elapsed().as_nanos() as u64);
        }
        let mut row = Row::new("leaderboard", format!("{case}, with one's own rank, from one socket"));
        row.cpu_percent = Reading::take(&target.parts).since(&before);
        let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e6;
        row.figures.extend([
            ("ack_p50_ms", at(0.5)),
            ("ack_p99_ms", at(0.99)),
            ("ack_max_ms", latencies.max() as f64 / 1e6),
        ]);
        let metrics = metrics(port).await?;
        let of =
            |what: &str| value(&metrics, &format!(r#"bus_query_seconds_{what}{{query="request-leaderboard-v1"}}"#));
        if let Some((sum, count)) = of("sum").zip(of("count")) {
            row.figures.insert("inside_mean_us", sum / count.max(1.0) * 1e6);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Results as fast as they are stored and counted.
async fn apply(stack: &Stack, scale: &Scale, port: u16) -> anyhow::Result<Row> {
    let target = stack.target()?;
    let jetstream = async_nats::jetstream::new(async_nats::connect(&stack.info()?.nats.url).await?);
    let subject = Subject::Event(ExamGraded::DOMAIN, ExamGraded::NAME).to_string();
    let counted = async || anyhow::Ok(value(&metrics(port).await?, "leaderboard_results_total").unwrap_or_default());
    let (before, cpu, begun) = (counted().await?, Reading::take(&target.parts), Instant::now());
    for first in (0..RESULTS).step_by(AT_A_TIME) {
        let mut stored = Vec::with_capacity(AT_A_TIME);
        for number in first..(first + AT_A_TIME as u32).min(RESULTS) {
            let result = graded(number, scale.people);
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", result.result_id.to_string());
            let payload = serde_json::to_vec(&result)?;
            stored.push(jetstream.publish_with_headers(subject.clone(), headers, payload.into()).await?);
        }
        for stored in stored {
            stored.await?;
        }
    }
    let wanted = before + f64::from(RESULTS);
    let applied = async {
        while counted().await? < wanted {
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, applied).await.context("the results were not applied in time")??;
    let seconds = begun.elapsed().as_secs_f64();
    let mut row = Row::new("leaderboard", format!("{RESULTS} results on six boards each, committed"));
    row.cpu_percent = Reading::take(&target.parts).since(&cpu);
    row.figures.insert("messages_per_s", f64::from(RESULTS) / seconds);
    Ok(row)
}

fn graded(number: u32, people: u32) -> ExamGraded {
    // Spread over everybody: a prime larger than any count of results.
    let person = 1 + number.wrapping_mul(104_729) % people.max(1);
    let result = Uuid::now_v7();
    ExamGraded {
        exam_id: ExamId(Uuid::from_u128(u128::from(number % 40))),
        exam_title: "Bench".to_owned(),
        specialty: format!("Spesialis {}", person % SPECIALTIES),
        session_id: SessionId(result),
        result_id: ResultId(result),
        key_version: 1,
        is_correction: false,
        user_id: UserId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 | u128::from(person))),
        user_name: format!("Peserta Nomor {person}"),
        user_avatar: None,
        score: Points::from_hundredths(i64::from(number % 2_000)),
        max_score: Points::from_hundredths(2_000),
        percentage: 50.0,
        correct_count: 10,
        total_questions: 20,
        completed_at: Timestamp(Clock::system().now()),
    }
}

/// What a service tells of itself.
async fn metrics(port: u16) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

/// The value of one line of metrics.
fn value(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}
