//! An exam: answers as fast as they are acknowledged, and everybody at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::stream::{StreamExt as _, TryStreamExt as _, iter};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use sinaesta_contracts::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Scale;
use crate::client::Client;
use crate::cpu::{Reading, rest};
use crate::report::Row;
use crate::target::Target;
use crate::wire::{Packet, is_ok};

const QUESTIONS: usize = 20;
const OPTIONS: usize = 5;
/// How many answer as fast as they can.
const ANSWERING: usize = 200;
/// How many hand in at once.
const RUSHING: usize = 1_000;
/// How many join at a time.
const AT_A_TIME: usize = 64;
/// Staff have numbers that no student has.
const MENTOR: usize = 900_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// An exam whose right options are 0, 1, 2 … and again from 0.
struct Exam {
    id: String,
}

impl Exam {
    async fn publish(target: &Target) -> anyhow::Result<Self> {
        let question = |n: usize| {
            let options: Vec<String> = (0..OPTIONS).map(|option| format!("Pilihan {option}")).collect();
            let key = json!({ "kind": "single-choice", "correct": n % OPTIONS });
            json!({ "text": format!("Soal {n}: manakah yang paling tepat?"), "options": options, "key": key })
        };
        let questions: Vec<Value> = (0..QUESTIONS).map(question).collect();
        let exam = json!({ "title": "Bench", "specialty": "Bench", "durationMinutes": 60, "questions": questions });
        let token = target.token(MENTOR, Role::Mentor)?;
        let made = post(target.server, "/api/exams", &token, &exam.to_string()).await?;
        let made: Value = serde_json::from_str(&made).context("the exam could not be made")?;
        let id = made.get("id").and_then(Value::as_str).with_context(|| made.to_string())?.to_owned();
        post(target.server, &format!("/api/exams/{id}/publish"), &token, "").await?;
        Ok(Self { id })
    }

    async fn join(&self, target: &Target, students: usize) -> anyhow::Result<Vec<Client>> {
        let tokens = target.tokens(0, students)?;
        let payload = &format!(r#"{{"examId":"{}"}}"#, self.id);
        iter(tokens.iter().enumerate())
            .map(|(number, token)| async move {
                let mut client = Client::connect(target.server, number, token).await?;
                client.ask("join-exam", payload).await?;
                anyhow::Ok(client)
            })
            .buffered(AT_A_TIME)
            .try_collect()
            .await
    }
}

/// One HTTP request; the answer's body.
async fn post(server: SocketAddr, path: &str, token: &str, body: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    Ok(body.to_owned())
}

/// What one student gave and is owed.
struct Sheet {
    exam: Arc<Exam>,
    answers: [usize; QUESTIONS],
    /// By acknowledgement id less one.
    sent: Vec<Instant>,
    unanswered: usize,
    refused: Vec<String>,
    random: u64,
}

impl Sheet {
    fn new(exam: &Arc<Exam>, number: usize) -> Self {
        let random = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (sent, refused) = (Vec::new(), Vec::new());
        Self { exam: Arc::clone(exam), answers: [0; QUESTIONS], sent, unanswered: 0, refused, random }
    }

    fn answer(&mut self, client: &mut crate::client::Outbox) {
        // Enough to spread answers: xorshift.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let (index, answer) = (self.sent.len() % QUESTIONS, (self.random % OPTIONS as u64) as usize);
        if let Some(given) = self.answers.get_mut(index) {
            *given = answer;
        }
        self.sent.push(Instant::now());
        self.unanswered += 1;
        let (ack, exam) = (self.sent.len(), &self.exam.id);
        client.text(|out| {
            out.extend_from_slice(
                format!(r#"42{ack}["exam-answer",{{"examId":"{exam}","questionIndex":{index},"answer":{answer}}}]"#)
                    .as_bytes(),
            );
        });
    }

    /// When the answer was sent that this packet acknowledges.
    fn acknowledged(&mut self, packet: &Packet<'_>) -> Option<Instant> {
        let Packet::Ack(id, body) = packet else { return None };
        let sent = *self.sent.get(usize::try_from(*id).ok()?.checked_sub(1)?)?;
        self.unanswered -= 1;
        if !is_ok(body) {
            self.refused.push(String::from_utf8_lossy(body).into_owned());
        }
        Some(sent)
    }

    fn score(&self) -> f64 {
        self.answers.iter().enumerate().filter(|(index, answer)| index % OPTIONS == **answer).count() as f64
    }

    /// Whether an acknowledgement or event of completion has this sheet's answers and score.
    fn is_right(&self, told: &Value) -> bool {
        let result = told.get("result").unwrap_or(&Value::Null);
        let given = result.get("answers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_same = |(one, other): (&Value, usize)| one.as_u64() == Some(other as u64);
        let score = result.get("score").and_then(Value::as_f64);
        given.len() == QUESTIONS && given.iter().zip(self.answers).all(is_same) && score == Some(self.score())
    }
}

/// Each student has so many answers unacknowledged at all times.
pub(super) async fn answers(target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for window in [1, 4, 16] {
        let exam = Arc::new(Exam::publish(target).await?);
        let clients = exam.join(target, ANSWERING).await?;
        rest(&target.parts).await;
        let from = Instant::now() + Scale::WARM_UP;
        let until = from + scale.duration;
        let mut players = JoinSet::new();
        for (number, client) in clients.into_iter().enumerate() {
            players.spawn(play(client, Sheet::new(&exam, number), window, from, until));
        }
        tokio::time::sleep_until(from).await;
        let before = Reading::take(&target.parts);
        tokio::time::sleep_until(until).await;
        let case = format!("{ANSWERING} students, {window} unanswered each");
        let mut row = Row::new("answers", case);
        row.cpu_percent = Reading::take(&target.parts).since(&before);
        let mut latencies = Histogram::<u64>::new_with_max(60_000_000_000, 3)?;
        while let Some(played) = players.join_next().await {
            match played? {
                Ok(Played { acknowledged, refused, is_right }) => {
                    latencies.add(acknowledged)?;
                    refused.into_iter().for_each(|why| row.faults.error(why));
                    row.faults.missing += u64::from(!is_right);
                }
                Err(error) => row.faults.error(format!("{error:#}")),
            }
        }
        row.figures.insert("messages_per_s", latencies.len() as f64 / scale.duration.as_secs_f64());
        let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e6;
        row.figures.extend([
            ("ack_p50_ms", at(0.5)),
            ("ack_p99_ms", at(0.99)),
            ("ack_max_ms", latencies.max() as f64 / 1e6),
        ]);
        rows.push(row);
    }
    Ok(rows)
}

struct Played {
    acknowledged: Histogram<u64>,
    refused: Vec<String>,
    /// Whether the result has the answers that were given last.
    is_right: bool,
}

async fn play(
    mut client: Client,
    mut sheet: Sheet,
    window: usize,
    from: Instant,
    until: Instant,
) -> anyhow::Result<Played> {
    let mut acknowledged = Histogram::<u64>::new_with_max(60_000_000_000, 3)?;
    (0..window).for_each(|_| sheet.answer(&mut client.outbox));
    client.flush()?;
    let answering = async {
        while sheet.unanswered > 0 {
            client.ready().await?;
            client.pump(|packet, outbox| {
                let Some(sent) = sheet.acknowledged(&packet) else { return };
                let now = Instant::now();
                if now >= from && now < until {
                    acknowledged.saturating_record((now - sent).as_nanos() as u64);
                }
                if now < until {
                    sheet.answer(outbox);
                }
            })?;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE + (until - Instant::now()), answering).await.context("answers were never acknowledged")??;
    let completed = client.ask("exam-complete", &format!(r#"{{"examId":"{}"}}"#, sheet.exam.id)).await?;
    let told: Value = serde_json::from_str(&completed)?;
    let is_right = told.get(0).is_some_and(|told| sheet.is_right(told));
    Ok(Played { acknowledged, refused: sheet.refused, is_right })
}

/// Everybody gives all answers without waiting, and hands in right behind them.
pub(super) async fn rush(target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let students = scale.sockets.min(RUSHING);
    let exam = Arc::new(Exam::publish(target).await?);
    let clients = exam.join(target, students).await?;
    rest(&target.parts).await;
    let start = Arc::new(Barrier::new(students));
    let before = Reading::take(&target.parts);
    let mut rushing = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        rushing.spawn(hand_in(client, Sheet::new(&exam, number), Arc::clone(&start)));
    }
    let mut row =
        Row::new("exam-rush", format!("{students} students, {QUESTIONS} answers each and exam-complete at once"));
    let (mut sent, mut acknowledged, mut completed) = (Vec::new(), Vec::new(), Vec::new());
    let mut wrong = 0;
    while let Some(one) = rushing.join_next().await {
        match one? {
            Ok(handed) => {
                sent.push(handed.sent);
                acknowledged.push(handed.acknowledged);
                completed.push(handed.completed);
                wrong += u32::from(!handed.is_right);
                handed.refused.into_iter().for_each(|why| row.faults.error(why));
            }
            Err(error) => row.faults.error(format!("{error:#}")),
        }
    }
    row.cpu_percent = Reading::take(&target.parts).since(&before);
    row.faults.missing += u64::from(wrong);
    let last_sent = sent.into_iter().max().context("nobody handed in")?;
    let after = |times: Vec<Instant>| times.into_iter().max().map_or(0.0, |at| (at - last_sent).as_secs_f64());
    row.figures.extend([
        ("all_acknowledged_s", after(acknowledged)),
        ("all_completed_s", after(completed)),
        ("wrong_scores", f64::from(wrong)),
    ]);
    Ok(vec![row])
}

struct Handed {
    sent: Instant,
    /// When the last answer was.
    acknowledged: Instant,
    /// When `exam-completed` came.
    completed: Instant,
    refused: Vec<String>,
    is_right: bool,
}

async fn hand_in(mut client: Client, mut sheet: Sheet, start: Arc<Barrier>) -> anyhow::Result<Handed> {
    start.wait().await;
    (0..QUESTIONS).for_each(|_| sheet.answer(&mut client.outbox));
    let complete = format!(r#"42["exam-complete",{{"examId":"{}"}}]"#, sheet.exam.id);
    client.outbox.text(|out| out.extend_from_slice(complete.as_bytes()));
    client.flush()?;
    let sent = Instant::now();
    let (mut acknowledged, mut completed, mut told) = (sent, None, Vec::new());
    let waiting = async {
        while sheet.unanswered > 0 || completed.is_none() {
            client.ready().await?;
            client.pump(|packet, _| {
                if sheet.acknowledged(&packet).is_some() {
                    acknowledged = Instant::now();
                }
                if let Packet::Event(event) = packet {
                    if event.starts_with(br#"["exam-completed""#) {
                        completed = Some(Instant::now());
                        told = event.to_vec();
                    } else if event.starts_with(br#"["error""#) {
                        sheet.refused.push(String::from_utf8_lossy(event).into_owned());
                    }
                }
            })?;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, waiting).await.context("not everything was answered")??;
    let told: Value = serde_json::from_slice(&told)?;
    let is_right = told.get(1).is_some_and(|told| sheet.is_right(told));
    let completed = completed.context("never completed")?;
    Ok(Handed { sent, acknowledged, completed, refused: sheet.refused, is_right })
}
