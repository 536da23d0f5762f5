//! Several replicas of a service.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use sinaesta_bus::Bus;
use sinaesta_contracts::{Partition, Role, Service, Stream};
use sinaesta_testkit::{TestNats, actor, until};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::{Book, Mood, Replica, note};

/// How many consumers each of the replicas holds; their names bear the replica's id.
async fn shares(nats: &TestNats) -> Vec<usize> {
    use futures::TryStreamExt as _;
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    let stream = jetstream.get_stream(Stream::Commands(Service::Chat).to_string()).await.unwrap();
    let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    let mut shares = std::collections::HashMap::<String, usize>::new();
    for name in names {
        *shares.entry(name.split('-').nth(2).unwrap().to_owned()).or_default() += 1;
    }
    let mut shares: Vec<_> = shares.into_values().collect();
    shares.sort_unstable();
    shares
}

/// How many commands the replicas have taken that are not done.
async fn taken(nats: &TestNats) -> usize {
    use futures::TryStreamExt as _;
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    let stream = jetstream.get_stream(Stream::Commands(Service::Chat).to_string()).await.unwrap();
    stream
        .consumers()
        .map_ok(|consumer| consumer.num_ack_pending)
        .try_fold(0, async |sum, one| Ok(sum + one))
        .await
        .unwrap()
}

#[tokio::test]
async fn partitions_are_shared_evenly_and_handed_over() {
    let nats = TestNats::start().await.unwrap();
    let book = Book::new().await;
    let mut replicas = Vec::new();
    for expected in [vec![12], vec![6, 6], vec![4, 4, 4]] {
        let bus = nats.bus("replica").await.unwrap();
        replicas.push(Replica::start(&bus, &book, Duration::ZERO));
        until(&format!("the shares are {expected:?}"), async || shares(&nats).await == expected).await;
    }
    replicas.pop().unwrap().stop().await;
    until("two share what three had", async || shares(&nats).await == [6, 6]).await;
    for replica in replicas {
        replica.stop().await;
    }
}

#[tokio::test]
async fn order_holds_while_replicas_come_and_die() {
    let nats = TestNats::start().await.unwrap();
    let book = Book::new().await;
    let sender = nats.bus("sender").await.unwrap();
    let (one, two) = (nats.bus("one").await.unwrap(), nats.bus("two").await.unwrap());
    let first = Replica::start(&one, &book, Duration::from_millis(3));
    let _second = Replica::start(&two, &book, Duration::from_millis(3));
    let third = Replica::start_apart(&nats, &book).await;
    until("three share the work", async || shares(&nats).await == [4, 4, 4]).await;
    let mut sent = Vec::new();
    for number in 0..600_u32 {
        let note = note(&format!("key-{}", number % 24), number, Mood::Good);
        sent.push(sender.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note).await.unwrap());
        if number == 300 {
            until("work has begun", async || book.notes.lock().len() > 20).await;
        }
    }
    third.shutdown_background();
    let answers = join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(20)))).await;
    let failed: Vec<_> = answers.iter().enumerate().filter_map(|(n, one)| Some((n, one.as_ref().err()?))).collect();
    assert!(failed.is_empty(), "{failed:?}");
    for key in 0..24 {
        let expected: Vec<u32> = (0..600).filter(|n| n % 24 == key).collect();
        assert_eq!(book.of(&format!("key-{key}")), expected);
    }
    first.stop().await;
}

/// The control: the broker itself keeps what somebody has under way for an hour.
#[tokio::test]
async fn a_dead_replicas_partitions_move_within_two_seconds() {
    let nats = TestNats::start().await.unwrap();
    let book = Book::new().await;
    let sender = nats.bus("sender").await.unwrap();
    let dying = Replica::start_apart(&nats, &book).await;
    until("it holds all partitions", async || shares(&nats).await == [12]).await;
    let living = Replica::start(&nats.bus("living").await.unwrap(), &book, Duration::ZERO);
    until("they share", async || shares(&nats).await == [6, 6]).await;
    let mut sent = Vec::new();
    for partition in Partition::all() {
        let key = (0..).map(|number| format!("key-{number}")).find(|key| Partition::of(key) == partition).unwrap();
        let slow = note(&key, 1, Mood::Slow);
        sent.push(sender.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &slow).await.unwrap());
    }
    until("something is under way in each", async || taken(&nats).await == sent.len()).await;
    dying.shutdown_background();
    let died = Instant::now();
    book.gate.add_permits(10 * sent.len());
    let answers = join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(5)))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(died.elapsed() < Duration::from_secs(3), "it took {:?}", died.elapsed());
    living.stop().await;
}

/// A way to the broker that can be cut.
struct Wire {
    url: String,
    is_cut: watch::Sender<bool>,
    /// How often somebody wanted to go that way while it was cut.
    tried: watch::Receiver<u32>,
}

impl Wire {
    async fn to(nats: &TestNats) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let broker = nats.settings().unwrap().nats.url.trim_start_matches("nats://").to_owned();
        let (is_cut, cut) = watch::channel(false);
        let (try_it, tried) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (broker, mut cut) = (broker.clone(), cut.clone());
                if *cut.borrow() {
                    try_it.send_modify(|count| *count += 1);
                    continue;
                }
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(broker).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        Self { url, is_cut, tried }
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.send_replace(is_cut);
    }
}

/// The controls: with the silence of the others counted on over the break, what they hold is taken before a word of theirs can be
/// heard; and so it is with what was asked of the broker during the break, which is answered before the break is noticed.
#[tokio::test]
async fn whoever_was_cut_off_from_the_broker_takes_nothing_of_those_that_were_not() {
    let nats = TestNats::start().await.unwrap();
    let (book, wire) = (Book::new().await, Wire::to(&nats).await);
    let mut settings = nats.settings().unwrap();
    settings.nats.url.clone_from(&wire.url);
    let behind = Bus::connect("behind", &settings.nats, &settings.bus).await.unwrap();
    let replicas = [behind, nats.bus("beside").await.unwrap()].map(|bus| Replica::start(&bus, &book, Duration::ZERO));
    let pool = &book.database.pool;
    let owners = async || {
        let sql = "SELECT count(*) FROM partition_owners GROUP BY replica ORDER BY 1";
        sqlx::query_scalar::<_, i64>(sql).fetch_all(pool).await.unwrap()
    };
    until("they share", async || owners().await == [6, 6]).await;
    wire.cut(true);
    until("the other has all", async || owners().await == [12]).await;
    // By then the first has heard nobody for as long, and asks the broker, which is to answer when it can.
    let tried = *wire.tried.borrow();
    until("it has tried once more", async || *wire.tried.borrow() > tried).await;
    let other: Uuid =
        sqlx::query_scalar("SELECT DISTINCT replica FROM partition_owners").fetch_one(pool).await.unwrap();
    // The broker tells who asks it for what.
    let client = nats.client().await.unwrap();
    let mut asked = client.subscribe("$JS.EVENT.ADVISORY.API").await.unwrap();
    client.flush().await.unwrap();
    wire.cut(false);
    until("they share again", async || owners().await == [6, 6]).await;
    client.flush().await.unwrap();
    let (mut count, mut taken) = (0, Vec::new());
    while let Some(Some(word)) = asked.next().now_or_never() {
        let word: serde_json::Value = serde_json::from_slice(&word.payload).unwrap();
        let subject = word["subject"].as_str().unwrap().to_owned();
        if word["client"]["name"] == "behind" {
            count += 1;
            taken.extend(Some(subject).filter(|subject| {
                subject.contains(".CONSUMER.DELETE.") && subject.contains(&other.simple().to_string())
            }));
        }
    }
    assert!(count > 0 && taken.is_empty(), "of {count} that it asked for: {taken:?}");
    for replica in replicas {
        replica.stop().await;
    }
}

/// The controls: with partitions kept over a break the one that was cut off never gets its share again, and with commands begun
/// whoever owns their partition it begins the second one, too.
#[tokio::test]
async fn what_was_taken_before_a_break_is_begun_by_the_next_owner_alone() {
    let nats = TestNats::start().await.unwrap();
    let (book, wire) = (Book::new().await, Wire::to(&nats).await);
    let mut settings = nats.settings().unwrap();
    settings.nats.url.clone_from(&wire.url);
    let behind = Bus::connect("behind", &settings.nats, &settings.bus).await.unwrap();
    let behind = Replica::start(&behind, &book, Duration::ZERO);
    until("it owns all partitions", async || shares(&nats).await == [12]).await;
    let sender = nats.bus("sender").await.unwrap();
    let mut sent = Vec::new();
    for number in 1..=3 {
        let slow = note("a", number, Mood::Slow);
        sent.push(sender.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &slow).await.unwrap());
        // In a round of its own, so that what follows waits.
        until("the first is under way", async || book.hung.load(Ordering::SeqCst) == 1).await;
    }
    until("the others wait behind it", async || taken(&nats).await == sent.len()).await;
    wire.cut(true);
    let beside = Replica::start(&nats.bus("beside").await.unwrap(), &book, Duration::ZERO);
    until("the other begins the first", async || book.hung.load(Ordering::SeqCst) == 2).await;
    until("the other owns all", async || shares(&nats).await == [12]).await;
    wire.cut(false);
    until("it owns some again", async || shares(&nats).await.len() == 2).await;
    // For the first one that waits: what was under way before the break.
    book.gate.add_permits(1);
    behind.stop().await;
    assert_eq!(book.hung.load(Ordering::SeqCst), 2, "the next was begun by two");
    book.gate.add_permits(10 * sent.len());
    let answers = join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(20)))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(book.of("a"), [1, 2, 3]);
    beside.stop().await;
}
