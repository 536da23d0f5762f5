//! The running service, a connection such as a gateway has, and what can be seen of it from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::exam::{Answer, CompleteExam, ExamCompleted, ExamEntered, JoinExam, SaveAnswer, SaveProgress};
use sinaesta_contracts::exam_authoring::{
    CreateExam, ExamDetails, Key, NewExam, NewQuestion, PublishExam, Schedule, ScheduleExam,
};
use sinaesta_contracts::exam_grading::{ExamRecord, ReadMyRecord};
use sinaesta_contracts::{
    Actor, Command, Envelope, ErrorBody, ExamId, Partition, Points, Role, Service, Stream, Subject, Timestamp,
};
use sinaesta_settings::ExamSettings;
use sinaesta_testkit::{TestDatabase, TestNats, actor, until};
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(20);

/// The service, and a connection such as a gateway has.
pub struct Stack {
    pub nats: TestNats,
    pub database: TestDatabase,
    pub bus: Bus,
    client: async_nats::Client,
    workers: u16,
    published: Arc<Mutex<Vec<Published>>>,
}

/// A delivery or an event as the service published it, dropped as a repeat or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    pub subject: String,
    pub id: String,
    pub payload: Value,
}

/// Two answers to the same command, and all that was published with each.
pub struct Repeated {
    pub answers: [Value; 2],
    pub published: [Vec<Published>; 2],
}

impl Stack {
    /// With one replica, which ends with what this gives.
    pub async fn start() -> (Self, DropGuard) {
        let stack = Self::without_replicas(1).await;
        let replica = stack.replica(&Clock::system());
        (stack, replica)
    }

    /// Each replica will work on so many batches side by side.
    pub async fn without_replicas(workers: u16) -> Self {
        let (nats, database) = (TestNats::start().await.unwrap(), TestDatabase::create().await.unwrap());
        let bus = nats.bus("gateway").await.unwrap();
        let published = Arc::default();
        let client = nats.client().await.unwrap();
        // One subscription, so that all is seen in its order.
        let mut seen = client.subscribe(">").await.unwrap();
        let noted: Arc<Mutex<Vec<Published>>> = Arc::clone(&published);
        tokio::spawn(async move {
            while let Some(message) = seen.next().await {
                let subject = message.subject.to_string();
                if ["deliver.", "event."].iter().any(|kind| subject.starts_with(kind)) {
                    let id =
                        message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id")).unwrap().to_string();
                    let payload = serde_json::from_slice(&message.payload).unwrap();
                    noted.lock().await.push(Published { subject, id, payload });
                }
            }
        });
        client.flush().await.unwrap();
        Self { nats, database, bus, client, workers, published }
    }

    /// One more replica; it ends with what this gives.
    pub fn replica(&self, clock: &Clock) -> DropGuard {
        self.replica_with(clock, |_| {})
    }

    /// One whose timers look for nothing: the test decides what happens when.
    pub fn quiet_replica(&self) -> DropGuard {
        self.replica_with(&Clock::system(), |exams| {
            exams.tick_ms = 3_600_000;
            exams.gateway_silence_ms = 30_000;
        })
    }

    fn replica_with(&self, clock: &Clock, set: impl Fn(&mut ExamSettings)) -> DropGuard {
        let mut settings = self.nats.settings().unwrap();
        settings.database.url = self.database.url.clone().into();
        settings.exams.http_port = 0;
        settings.bus.workers = self.workers.into();
        set(&mut settings.exams);
        let stop = CancellationToken::new();
        tokio::spawn(sinaesta_exam_grading::run_with(settings, clock.clone(), stop.clone()));
        stop.drop_guard()
    }

    pub async fn send<C: Command>(&self, who: &Actor, command: C) -> Result<C::Reply, ErrorBody> {
        self.send_as(Uuid::now_v7(), who, command).await
    }

    pub async fn send_as<C: Command>(&self, id: Uuid, who: &Actor, command: C) -> Result<C::Reply, ErrorBody> {
        let answer = self.bus.dispatch(id, who, &command).await.unwrap().answer(LIMIT).await?;
        Ok(serde_json::from_str(answer.get()).unwrap())
    }

    /// Stores a copy of a command, as a sender does whose answer got lost; returns the broker's stamp.
    pub async fn store<C: Command>(&self, id: Uuid, who: &Actor, command: &C) {
        self.store_for(id, who, command, None).await;
    }

    async fn store_for<C: Command>(&self, id: Uuid, who: &Actor, command: &C, reply: Option<&str>) {
        let key = command.partition_key(who);
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{id}#{}", Uuid::now_v7()));
        headers.insert("Sinaesta-Key", key.as_str());
        if let Some(reply) = reply {
            headers.insert("Sinaesta-Reply", reply);
        }
        let subject = Subject::Command(C::SERVICE, C::NAME, Partition::of(&key)).to_string();
        let payload = serde_json::to_vec(&Envelope { actor: who.clone(), body: command }).unwrap();
        let jetstream = async_nats::jetstream::new(self.client.clone());
        jetstream.publish_with_headers(subject, headers, payload.into()).await.unwrap().await.unwrap();
    }

    /// Stores a copy of a command, and waits for its answer: `{"ok": …}` or `{"error": …}`.
    pub async fn copy<C: Command>(&self, id: Uuid, who: &Actor, command: &C) -> Value {
        let client = self.client.clone();
        let reply = format!("copies.{}", Uuid::now_v7());
        let mut answers = client.subscribe(reply.clone()).await.unwrap();
        client.flush().await.unwrap();
        self.store_for(id, who, command, Some(&reply)).await;
        let answer = tokio::time::timeout(LIMIT, answers.next()).await.unwrap().unwrap();
        let lines: Vec<Value> = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["id"], id.to_string());
        lines[0]["body"].clone()
    }

    /// Sends a command and, once everything that it led to is published, a copy of it. The copy must change nothing.
    pub async fn repeat<C: Command>(&self, who: &Actor, command: &C) -> Repeated {
        let id = Uuid::now_v7();
        self.settled().await;
        let mut from = self.published.lock().await.len();
        let mut answers = Vec::new();
        let mut published = Vec::new();
        let mut states = Vec::new();
        for _ in 0..2 {
            answers.push(self.copy(id, who, command).await);
            self.settled().await;
            states.push(self.state().await);
            let all = self.published.lock().await;
            published.push(all[from..].to_vec());
            from = all.len();
        }
        assert_eq!(states[0], states[1], "{} changed something when it came again", C::NAME);
        Repeated { answers: answers.try_into().unwrap(), published: published.try_into().unwrap() }
    }

    /// Everything that was published for an audience, or as an event, so far.
    pub async fn published(&self, subject: &str) -> Vec<Value> {
        let all = self.published.lock().await;
        all.iter().filter(|one| one.subject == subject).map(|one| one.payload.clone()).collect()
    }

    /// What the broker kept of what was published: each once, however often its command was run.
    pub async fn kept(&self, subject: &str) -> Vec<Value> {
        let all = self.published.lock().await;
        let mut ids = std::collections::HashSet::new();
        let of = all.iter().filter(|one| one.subject == subject && ids.insert(one.id.clone()));
        of.map(|one| one.payload.clone()).collect()
    }

    /// How many commands of a service wait, are worked on, or wait for what they led to to be published.
    pub async fn queued(&self) -> u64 {
        let jetstream = async_nats::jetstream::new(self.client.clone());
        let name = Stream::Commands(Service::ExamGrading).to_string();
        match jetstream.get_stream(name).await {
            Ok(stream) => stream.cached_info().state.messages,
            Err(_) => 0,
        }
    }

    pub async fn dead_letters(&self) -> u64 {
        let jetstream = async_nats::jetstream::new(self.client.clone());
        jetstream.get_stream(Stream::DeadLetters.to_string()).await.unwrap().cached_info().state.messages
    }

    /// Waits until no command is left, and all that was published is seen here.
    pub async fn settled(&self) {
        until("every command is done", async || self.queued().await == 0).await;
        let mark = Uuid::now_v7().to_string();
        let client = self.client.clone();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", mark.as_str());
        client.publish_with_headers("deliver.mark", headers, "null".into()).await.unwrap();
        until("the mark is seen", async || {
            let mut all = self.published.lock().await;
            let before = all.len();
            all.retain(|one| one.id != mark);
            all.len() < before
        })
        .await;
    }

    /// Everything that the service has stored, by table.
    pub async fn state(&self) -> BTreeMap<String, Vec<String>> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.tables
             WHERE table_schema = 'public' AND (table_name LIKE 'exam%' OR table_name = 'questions')",
        )
        .fetch_all(&self.database.pool)
        .await
        .unwrap();
        let mut state = BTreeMap::new();
        for table in tables {
            let rows = format!("SELECT t::text FROM {table} t ORDER BY 1");
            let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_all(&self.database.pool).await.unwrap();
            state.insert(table, rows);
        }
        state
    }

    /// Holds the row of a session, as a transaction does that takes long.
    pub async fn hold(&self, exam_id: ExamId, who: &Actor) -> Transaction<'static, Postgres> {
        self.hold_all(exam_id, std::slice::from_ref(who)).await
    }

    /// The same of several sessions.
    pub async fn hold_all(&self, exam_id: ExamId, users: &[Actor]) -> Transaction<'static, Postgres> {
        let mut db = self.database.pool.begin().await.unwrap();
        let users: Vec<_> = users.iter().map(|user| user.user_id.0).collect();
        let hold = "SELECT FROM exam_sessions WHERE exam_id = $1 AND user_id = ANY($2) FOR UPDATE";
        let held = sqlx::query(hold).bind(exam_id.0).bind(&users).execute(&mut *db).await.unwrap();
        assert_eq!(held.rows_affected() as usize, users.len());
        db
    }

    /// Holds the row of an exam likewise.
    pub async fn hold_exam(&self, exam_id: ExamId) -> Transaction<'static, Postgres> {
        let mut db = self.database.pool.begin().await.unwrap();
        let hold = "SELECT FROM exams WHERE id = $1 FOR UPDATE";
        sqlx::query(hold).bind(exam_id.0).execute(&mut *db).await.unwrap();
        db
    }

    /// Waits until so many statements wait for a row that is held.
    pub async fn waiting(&self, count: i64) {
        until("statements wait for the row", async || self.waits().await >= count).await;
    }

    /// How many statements wait for a row that is held.
    pub async fn waits(&self) -> i64 {
        let count = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        sqlx::query_scalar(count).fetch_one(&self.database.pool).await.unwrap()
    }

    /// Whether a condition on the database's rows holds.
    pub async fn is(&self, condition: &'static str, exam_id: ExamId) -> bool {
        sqlx::query_scalar(condition).bind(exam_id.0).fetch_one(&self.database.pool).await.unwrap()
    }

    /// An exam of so many questions, published.
    pub async fn exam(&self, questions: usize) -> ExamId {
        let made: ExamDetails = self.send(&mentor(), CreateExam(new_exam(questions))).await.unwrap();
        let exam_id = made.summary.info.id;
        self.send(&mentor(), PublishExam { exam_id }).await.unwrap();
        exam_id
    }

    /// Lets an exam begin after so long.
    pub async fn schedule(&self, exam_id: ExamId, begins_in: Duration) -> OffsetDateTime {
        let begins = Clock::system().now() + begins_in;
        let schedule = Schedule { scheduled_start: Timestamp(begins), scheduled_end: None };
        let made = self.send(&mentor(), ScheduleExam { exam_id, schedule }).await.unwrap();
        made.summary.info.scheduled_start.unwrap().0
    }

    pub async fn join(&self, who: &Actor, exam_id: ExamId) -> ExamEntered {
        self.send(who, JoinExam { exam_id }).await.unwrap()
    }

    pub async fn answer(&self, who: &Actor, exam_id: ExamId, index: u16, option: u64) {
        self.send(who, answer(exam_id, index, option)).await.unwrap();
    }

    pub async fn complete(&self, who: &Actor, exam_id: ExamId) -> ExamCompleted {
        self.send(who, CompleteExam { exam_id }).await.unwrap()
    }

    pub async fn record(&self, who: &Actor, exam_id: ExamId) -> ExamRecord {
        self.bus.ask(who, &ReadMyRecord { exam_id }).await.unwrap()
    }

    /// Ends the time of an exam's sessions so many seconds ago.
    pub async fn end_time(&self, exam_id: ExamId, seconds_ago: f64) {
        sqlx::query("UPDATE exam_sessions SET ends_at = now() - make_interval(secs => $2) WHERE exam_id = $1")
            .bind(exam_id.0)
            .bind(seconds_ago)
            .execute(&self.database.pool)
            .await
            .unwrap();
    }
}

/// A clock that runs, so many seconds ahead of the broker's, and follows nothing.
pub fn ahead_by(seconds: i64) -> Clock {
    let clock = Clock::manual(Clock::system().now() + time::Duration::seconds(seconds));
    let running = clock.clone();
    tokio::spawn(async move {
        let mut at = std::time::Instant::now();
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = std::time::Instant::now();
            running.advance(now - at);
            at = now;
        }
    });
    clock
}

/// A draft of so many questions, each with three options of which the second is right.
pub fn new_exam(questions: usize) -> NewExam {
    let question = |n| NewQuestion {
        text: format!("Question {n}?"),
        options: ["a", "b", "c"].map(str::to_owned).into(),
        key: Key::SingleChoice { correct: 1 },
        points: Points::ONE,
        category: None,
        explanation: None,
    };
    NewExam {
        title: "Tryout".to_owned().try_into().unwrap(),
        description: None,
        specialty: "Kardiologi".to_owned().try_into().unwrap(),
        duration_minutes: 30.try_into().unwrap(),
        negative_marking_percent: 0.try_into().unwrap(),
        questions: (0..questions).map(question).collect(),
    }
}

pub fn mentor() -> Actor {
    actor(1, Role::Mentor)
}

pub fn student(number: u128) -> Actor {
    actor(100 + number, Role::Student)
}

/// Students whose sessions in an exam are in the same partition as that of `like`.
pub fn students_beside(like: &Actor, exam_id: ExamId) -> impl Iterator<Item = Actor> {
    let of = move |who: &Actor| Partition::of(&JoinExam { exam_id }.partition_key(who));
    let partition = of(like);
    (1_000..).map(student).filter(move |who| of(who) == partition)
}

pub fn answer(exam_id: ExamId, question_index: u16, option: u64) -> SaveAnswer {
    SaveAnswer { exam_id, question_index, answer: Some(Answer::Number(option.into())) }
}

/// An autosave of a client that has these options.
pub fn progress(exam_id: ExamId, options: &[Option<u64>]) -> SaveProgress {
    let answers = options.iter().map(|option| option.map(|n| Answer::Number(n.into()))).collect();
    SaveProgress { exam_id, current_question: 0, time_remaining: None, answers }
}
