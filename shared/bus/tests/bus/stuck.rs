//! What is stuck, fails, or was left behind holds up and blames nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sinaesta_bus::{AttemptLog, Begun, EventHandler, Failure, Heard, Outbound, Run, ServiceBuilder, Unavailable};
use sinaesta_contracts::session::GatewayAlive;
use sinaesta_contracts::{GatewayId, Partition, Role, Service, Stream, Subject};
use sinaesta_testkit::{TestNats, actor, until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Book, Mood, NoteHandler, Noted, Replica, note, room, send};

async fn dead_letters(nats: &TestNats) -> u64 {
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    let stream = jetstream.get_stream(Stream::DeadLetters.to_string()).await.unwrap();
    stream.cached_info().state.messages
}

/// What its handler never ends with.
struct Waits(Arc<AtomicU32>);

impl EventHandler for Waits {
    type Event = Noted;

    async fn handle(&self, _: &[Heard<Noted>]) -> Result<Vec<Outbound>, Failure> {
        self.0.fetch_add(1, SeqCst);
        std::future::pending().await
    }
}

/// The control: with marks that stay when a batch is dropped at a stop, the fifth replica puts the event aside.
#[tokio::test]
async fn orderly_stops_do_not_count_against_an_event() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let settings = nats.settings().unwrap().bus;
    let (book, begun) = (Book::new().await, Arc::new(AtomicU32::new(0)));
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let mut first = true;
    for number in 1..=5 {
        let stop = CancellationToken::new();
        let service =
            ServiceBuilder::new(bus.clone(), Service::Leaderboard, &settings, book.attempts(Service::Leaderboard))
                .event(Waits(Arc::clone(&begun)));
        let running = tokio::spawn(service.run(stop.clone()));
        if std::mem::take(&mut first) {
            send(&bus, &note("a", 1, Mood::Good)).await.unwrap();
        }
        until("it is handled", async || begun.load(SeqCst) == number).await;
        stop.cancel();
        running.await.unwrap().unwrap();
    }
    let stop = CancellationToken::new();
    let service =
        ServiceBuilder::new(bus.clone(), Service::Leaderboard, &settings, book.attempts(Service::Leaderboard))
            .event(Waits(Arc::clone(&begun)));
    let running = tokio::spawn(service.run(stop.clone()));
    until("it is handled once more", async || begun.load(SeqCst) == 6).await;
    let (begun, dead) = (begun.load(SeqCst), dead_letters(&nats).await);
    stop.cancel();
    running.await.unwrap().unwrap();
    replica.stop().await;
    assert_eq!((begun, dead), (6, 0), "begun, dead letters");
}

/// The control: with everything that waits counted, two keys fill the worker, and the third partition is not read.
#[tokio::test]
async fn keys_that_are_stuck_stop_no_others() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let student = actor(1, Role::Student);
    send(&bus, &note("x", 0, Mood::Good)).await.unwrap();
    let lane = |key: &str| Partition::of(key).0 % 2;
    let keys: Vec<String> = (0..200).map(|n| format!("k-{n}")).filter(|key| lane(key) == 0).collect();
    let one = keys[0].clone();
    let two = keys.iter().find(|key| Partition::of(key).0 != Partition::of(&one).0).unwrap().clone();
    let other = keys
        .iter()
        .find(|key| ![Partition::of(&one).0, Partition::of(&two).0].contains(&Partition::of(key).0))
        .unwrap()
        .clone();
    let mut open = Vec::new();
    for (key, count) in [(&one, 1), (&two, 2)] {
        open.push(bus.dispatch(Uuid::now_v7(), &student, &note(key, 0, Mood::Slow)).await.unwrap());
        until("it has begun", async || book.hung.load(SeqCst) == count).await;
    }
    for key in [&one, &two] {
        for number in 0..250 {
            open.push(bus.dispatch(Uuid::now_v7(), &student, &note(key, number, Mood::Good)).await.unwrap());
        }
    }
    let sent = bus.dispatch(Uuid::now_v7(), &student, &note(&other, 1, Mood::Good)).await.unwrap();
    let answer = sent.answer(Duration::from_secs(10)).await;
    book.gate.add_permits(10);
    drop(replica);
    assert!(answer.is_ok(), "{answer:?}");
}

/// One that ends the process, and one beside it, of another partition, that takes a second. The control: without the permit for
/// what is run alone, both are begun by each process that ends, and both are put aside.
#[tokio::test]
async fn what_is_slow_beside_what_ends_the_process_is_not_blamed() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let student = actor(1, Role::Student);
    let limit = Duration::from_secs(60);
    let poison = bus.dispatch(Uuid::now_v7(), &student, &note("a", 0, Mood::Hangs)).await.unwrap();
    let slow = bus.dispatch(Uuid::now_v7(), &student, &note("b", 1, Mood::Slow)).await.unwrap();
    let poison = tokio::spawn(poison.answer(limit));
    let slow = tokio::spawn(slow.answer(limit));
    let mut processes = 0;
    while !poison.is_finished() {
        processes += 1;
        let begun = book.hung.load(SeqCst);
        let replica = Replica::start_apart(&nats, &book).await;
        until("one of them is begun, or the first is put aside", async || {
            book.hung.load(SeqCst) > begun || poison.is_finished()
        })
        .await;
        if !slow.is_finished() {
            // The slow one comes to its end whenever it was the one.
            book.gate.add_permits(1);
            until("the slow one has its turn", async || slow.is_finished() || book.hung.load(SeqCst) > begun).await;
        }
        replica.shutdown_background();
        assert!(processes < 10, "it is never put aside");
    }
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let slow = slow.await.unwrap();
    replica.stop().await;
    assert!(poison.await.unwrap().is_err() && slow.is_ok(), "{slow:?}");
}

/// The control: with the sequence alone for an id, the broker takes the second for a repeat of the first.
#[tokio::test]
async fn dead_letters_of_two_services_with_one_sequence_are_two() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let settings = nats.settings().unwrap().bus;
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    let stop = CancellationToken::new();
    let mut running = Vec::new();
    for service in [Service::Chat, Service::Notification] {
        let subject = Subject::Command(service, "unheard-of-v1", Partition::of("a")).to_string();
        jetstream.publish(subject, "garbage".into()).await.unwrap().await.unwrap();
        let builder = ServiceBuilder::new(bus.clone(), service, &settings, book.attempts(service));
        running.push(tokio::spawn(builder.run(stop.clone())));
    }
    until("both queues are empty", async || {
        let mut left = 0;
        for service in [Service::Chat, Service::Notification] {
            let stream = jetstream.get_stream(Stream::Commands(service).to_string()).await.unwrap();
            left += stream.cached_info().state.messages;
        }
        left == 0
    })
    .await;
    let dead = dead_letters(&nats).await;
    stop.cancel();
    for one in running {
        one.await.unwrap().unwrap();
    }
    assert_eq!(dead, 2);
}

struct Panics(Arc<AtomicU32>);

impl EventHandler for Panics {
    type Event = Noted;

    async fn handle(&self, batch: &[Heard<Noted>]) -> Result<Vec<Outbound>, Failure> {
        assert!(batch.iter().all(|one| one.event.number != 1), "an event that can't be handled");
        self.0.fetch_add(batch.len() as u32, SeqCst);
        Ok(Vec::new())
    }
}

/// The control: a panic that is not caught ends the task that takes events; nothing is heard and nothing put aside.
#[tokio::test]
async fn an_event_whose_handler_panics_stops_no_other() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let settings = nats.settings().unwrap().bus;
    let (book, heard) = (Book::new().await, Arc::new(AtomicU32::new(0)));
    let stop = CancellationToken::new();
    let service =
        ServiceBuilder::new(bus.clone(), Service::Leaderboard, &settings, book.attempts(Service::Leaderboard))
            .event(Panics(Arc::clone(&heard)));
    let running = tokio::spawn(service.run(stop.clone()));
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    send(&bus, &note("a", 1, Mood::Good)).await.unwrap();
    send(&bus, &note("a", 2, Mood::Good)).await.unwrap();
    until("the other is heard, and the first put aside", async || {
        heard.load(SeqCst) == 1 && dead_letters(&nats).await == 1
    })
    .await;
    stop.cancel();
    running.await.unwrap().unwrap();
    replica.stop().await;
}

/// A database that answers, but slowly.
struct SlowLog(Arc<dyn sinaesta_bus::AttemptLog>, u64);

impl AttemptLog for SlowLog {
    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        self.0.check()
    }
    fn take_over(&self, partition: Partition, replica: Uuid) -> BoxFuture<'_, Result<bool, Unavailable>> {
        async move {
            tokio::time::sleep(Duration::from_millis(self.1)).await;
            self.0.take_over(partition, replica).await
        }
        .boxed()
    }
    fn hand_over(&self, partition: Partition, replica: Uuid) -> BoxFuture<'_, Result<(), Unavailable>> {
        self.0.hand_over(partition, replica)
    }
    fn begin<'a>(&'a self, messages: &'a [String], how: Run) -> BoxFuture<'a, Result<Vec<Begun>, Unavailable>> {
        self.0.begin(messages, how)
    }
    fn count_failure<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<u32, Unavailable>> {
        self.0.count_failure(message)
    }
    fn end<'a>(&'a self, messages: &'a [String]) -> BoxFuture<'a, Result<(), Unavailable>> {
        self.0.end(messages)
    }
    fn forget<'a>(&'a self, messages: &'a [String]) -> BoxFuture<'a, Result<(), Unavailable>> {
        self.0.forget(messages)
    }
}

/// The control: with the partition noted before the consumer is asked for anything, the broker has forgotten the consumer by
/// then, and it is made again for ever.
#[tokio::test]
async fn a_slow_database_is_no_reason_to_read_nothing() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let handler = NoteHandler { book: Arc::clone(&book), room: room(), work: Duration::ZERO };
    let settings = nats.settings().unwrap().bus;
    let stop = CancellationToken::new();
    let log = Arc::new(SlowLog(book.attempts(Service::Chat), 2_500));
    let running = tokio::spawn(
        ServiceBuilder::new(bus.clone(), Service::Chat, &settings, log).command(handler).run(stop.clone()),
    );
    let sent = bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note("a", 1, Mood::Good)).await.unwrap();
    let answer = sent.answer(Duration::from_secs(30)).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(answer.is_ok(), "{answer:?}");
}

/// An orderly stop while a command waits for another try, with the next of its key behind it. The control: with the key released
/// and what is behind it kept, the next owner finds the later one done.
#[tokio::test]
async fn an_orderly_stop_keeps_the_order_of_a_key() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let (student, limit) = (actor(1, Role::Student), Duration::from_secs(20));
    send(&bus, &note("a", 0, Mood::Good)).await.unwrap();
    let fails = bus.dispatch(Uuid::now_v7(), &student, &note("a", 1, Mood::Fails(5))).await.unwrap();
    let next = bus.dispatch(Uuid::now_v7(), &student, &note("a", 2, Mood::Good)).await.unwrap();
    let answers = tokio::spawn(async move { tokio::join!(fails.answer(limit), next.answer(limit)) });
    until("it waits for another try", async || book.failed() >= 3).await;
    replica.stop().await;
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let (fails, next) = answers.await.unwrap();
    replica.stop().await;
    assert!(fails.is_ok() && next.is_ok(), "{fails:?} {next:?}");
    assert_eq!(book.of("a"), [0, 1, 2]);
}

/// The control: counted as failures of its own, eight are more than there may be, and it is a dead letter.
#[tokio::test]
async fn what_waits_for_a_row_that_another_holds_is_no_dead_letter() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let answer = send(&bus, &note("a", 1, Mood::Held(8))).await;
    replica.stop().await;
    assert!(answer.is_ok(), "{answer:?}");
}

/// A loop like those of the services' timers, whose look takes longer than a gateway may be silent. The control: with a tick
/// that is taken whenever it is due, its words are still unread in half of the looks.
#[tokio::test]
async fn a_gateway_that_speaks_all_the_while_is_not_silent() {
    let nats = TestNats::start().await.unwrap();
    let (speaker, bus) = (nats.bus("gateway").await.unwrap(), nats.bus("chat").await.unwrap());
    let mut gateways = bus.watch_gateways().await.unwrap();
    let id = speaker.id();
    let speaking = tokio::spawn(async move {
        loop {
            speaker.signal(&GatewayAlive { gateway_id: speaker.id() }).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut looks, mut lost) = (0, 0);
    while looks < 12 {
        gateways.listen_until(tick.tick()).await;
        looks += 1;
        let is_silent = gateways.silent_for(Duration::from_millis(500));
        lost += u32::from(looks > 1 && is_silent(id));
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    speaking.abort();
    assert_eq!(lost, 0, "times that it was given up in {looks} looks");
}

/// The control: with silence counted on from before the broker went, whoever is on the gateway is offline as soon as it is back.
#[tokio::test]
async fn a_gateway_is_not_silent_when_it_was_the_broker_that_was_away() {
    let mut nats = TestNats::start().await.unwrap();
    let bus = nats.bus("chat").await.unwrap();
    let mut reconnects = bus.reconnects();
    reconnects.mark_unchanged();
    let mut gateways = bus.watch_gateways().await.unwrap();
    let began = Instant::now();
    nats.kill_and_restart().await.unwrap();
    gateways.listen_until(reconnects.changed()).await.unwrap();
    // As if one could be silent for as long as the broker was away.
    let is_silent = gateways.silent_for(began.elapsed());
    assert!(!is_silent(GatewayId(Uuid::now_v7())));
}
