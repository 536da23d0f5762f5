//! A small service to test with: it notes what it is told.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sinaesta_bus::{Answer, AttemptLog, Bus, CommandHandler, Failure, Outbound, Outcome, Received, ServiceBuilder};
use sinaesta_contracts::{Actor, Audience, Command, ErrorBody, Event, Role, RoomId, ServerEvent, Service};
use sinaesta_settings::BusSettings;
use sinaesta_store::Attempts;
use sinaesta_testkit::{TestDatabase, TestNats, actor};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Notes a number under a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    pub key: String,
    pub number: u32,
    pub mood: Mood,
}

/// What the handler is to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mood {
    Good,
    Refused,
    Rejected,
    Panics,
    /// Fails so many times with `Retry` before it succeeds.
    Fails(u32),
    /// So many times what it needs is held by another.
    Held(u32),
    /// Takes until the book's gate is opened.
    Slow,
    /// Never ends: the process is killed meanwhile, as one is that aborts.
    Hangs,
    /// What is told of it is larger than the broker takes.
    Large,
}

impl Command for Note {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "note-v1";
    type Reply = u32;

    fn partition_key(&self, _: &Actor) -> String {
        self.key.clone()
    }
}

/// Something was noted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noted {
    pub number: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filler: String,
}

impl ServerEvent for Noted {
    const NAME: &'static str = "noted";
}

impl Event for Noted {
    const DOMAIN: &'static str = "test";
    const NAME: &'static str = "noted-v1";
}

/// What several replicas have noted: it stands for the database, so each command counts once.
pub struct Book {
    seen: Mutex<HashSet<Uuid>>,
    pub notes: Mutex<Vec<(String, u32)>>,
    pub batches: Mutex<Vec<usize>>,
    failures: AtomicU32,
    pub gate: Semaphore,
    /// How often something began that is slow or never ends.
    pub hung: AtomicU32,
    pub database: TestDatabase,
}

impl Book {
    /// An empty one, and a database for the replicas' own counts.
    pub async fn new() -> Arc<Self> {
        let (seen, notes, batches) = (Mutex::default(), Mutex::default(), Mutex::default());
        let database = TestDatabase::create().await.unwrap();
        Arc::new(Self {
            seen,
            notes,
            batches,
            failures: AtomicU32::new(0),
            gate: Semaphore::new(0),
            hung: AtomicU32::new(0),
            database,
        })
    }

    /// What a replica of a service remembers of tries.
    pub fn attempts(&self, service: Service) -> Arc<dyn AttemptLog> {
        Attempts::new(service, &self.database.settings().unwrap()).unwrap()
    }

    /// How often something failed.
    pub fn failed(&self) -> u32 {
        self.failures.load(Ordering::SeqCst)
    }

    pub fn of(&self, key: &str) -> Vec<u32> {
        self.notes.lock().iter().filter(|(k, _)| k == key).map(|(_, number)| *number).collect()
    }
}

pub struct NoteHandler {
    pub book: Arc<Book>,
    pub room: RoomId,
    /// How long a batch takes.
    pub work: Duration,
}

impl CommandHandler for NoteHandler {
    type Command = Note;

    async fn handle(&self, batch: &[Received<Note>]) -> Result<Vec<Outcome<u32>>, Failure> {
        for one in batch {
            match one.command.mood {
                Mood::Rejected => return Err(Failure::Reject("it can't be".to_owned())),
                Mood::Panics => panic!("the handler meets something it can't handle"),
                Mood::Fails(times) if self.book.failures.fetch_add(1, Ordering::SeqCst) < times => {
                    return Err(Failure::Retry("not now".to_owned()));
                }
                Mood::Held(times) if self.book.failures.fetch_add(1, Ordering::SeqCst) < times => {
                    return Err(Failure::Held("a row".to_owned()));
                }
                Mood::Slow => {
                    self.book.hung.fetch_add(1, Ordering::SeqCst);
                    self.book.gate.acquire().await.unwrap().forget();
                }
                Mood::Hangs => {
                    self.book.hung.fetch_add(1, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
        }
        tokio::time::sleep(self.work).await;
        self.book.batches.lock().push(batch.len());
        let outcome = |one: &Received<Note>| {
            let Note { key, number, mood } = &one.command;
            if *mood == Mood::Refused {
                return Ok(Outcome::refused(ErrorBody::new("test/refused", "no")));
            }
            if self.book.seen.lock().insert(one.id) {
                self.book.notes.lock().push((key.clone(), *number));
            }
            let noted = Noted { number: *number, filler: "x".repeat(if *mood == Mood::Large { 9_000_000 } else { 0 }) };
            Ok(Outcome::done(*number)
                .and(Outbound::deliver(Audience::Room(self.room.clone()), &noted)?.with_seq(i64::from(*number)))
                .and(Outbound::event(&noted)?))
        };
        batch.iter().map(outcome).collect()
    }
}

/// A replica of the service.
pub struct Replica {
    stop: CancellationToken,
    running: JoinHandle<Result<(), sinaesta_bus::BusError>>,
}

impl Replica {
    pub fn start(bus: &Bus, book: &Arc<Book>, work: Duration) -> Self {
        let handler = NoteHandler { book: Arc::clone(book), room: room(), work };
        let settings =
            BusSettings { max_batch: 50, workers: 2, lease_ms: 500, request_timeout_ms: 2_000, concurrent_queries: 6 };
        let stop = CancellationToken::new();
        let service =
            ServiceBuilder::new(bus.clone(), Service::Chat, &settings, book.attempts(Service::Chat)).command(handler);
        let running = tokio::spawn(service.run(stop.clone()));
        Self { stop, running }
    }

    /// One in a runtime of its own, which can be ended without a word, as a killed process is.
    pub async fn start_apart(nats: &TestNats, book: &Arc<Book>) -> Runtime {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
        let (settings, book) = (nats.settings().unwrap(), Arc::clone(book));
        let started = runtime.spawn(async move {
            let bus = Bus::connect("apart", &settings.nats, &settings.bus).await.unwrap();
            std::mem::forget(Self::start(&bus, &book, Duration::ZERO));
        });
        started.await.unwrap();
        runtime
    }

    /// Stops as a good process does.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

pub fn room() -> RoomId {
    "room-1".parse().unwrap()
}

pub fn note(key: &str, number: u32, mood: Mood) -> Note {
    Note { key: key.to_owned(), number, mood }
}

/// Sends a note and waits for what comes of it.
pub async fn send(bus: &Bus, note: &Note) -> Answer {
    send_as(bus, Uuid::now_v7(), note).await
}

pub async fn send_as(bus: &Bus, id: Uuid, note: &Note) -> Answer {
    bus.dispatch(id, &actor(1, Role::Student), note).await?.answer(Duration::from_secs(20)).await
}
