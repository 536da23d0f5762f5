//! What can't be handled, what can't be handled yet, and a broker that dies.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use sinaesta_contracts::{Audience, Partition, Role, Service, Stream, Subject, code};
use sinaesta_testkit::{TestNats, actor, until};
use uuid::Uuid;

use crate::support::{Book, Mood, Replica, note, send};

/// The reasons in the dead letters.
async fn reasons(nats: &TestNats) -> Vec<String> {
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    let stream = jetstream.get_stream(sinaesta_contracts::Stream::DeadLetters.to_string()).await.unwrap();
    let count = stream.cached_info().state.messages as usize;
    let config = async_nats::jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let reason = async |message: Result<async_nats::jetstream::Message, _>| {
        message.unwrap().headers.clone().unwrap().get("Sinaesta-Reason").unwrap().to_string()
    };
    messages.take(count).then(reason).collect().await
}

#[tokio::test]
async fn poison_is_answered_buried_and_holds_nothing_up() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let mut sent = Vec::new();
    // All of it waits before anybody works, so that poison and good ones are in one batch.
    for (number, mood) in [Mood::Good, Mood::Rejected, Mood::Good, Mood::Panics, Mood::Good].into_iter().enumerate() {
        let note = note("a", number as u32, mood);
        sent.push(bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note).await.unwrap());
    }
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let answers = join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(20)))).await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|error| error.code.as_ref())).collect();
    assert_eq!(codes, [None, Some(code::INTERNAL), None, Some(code::INTERNAL), None]);
    assert_eq!(book.of("a"), [0, 2, 4]);
    let reasons = reasons(&nats).await;
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("it can't be") && reasons[1].contains("panicked"), "{reasons:?}");
    replica.stop().await;
}

#[tokio::test]
async fn what_is_no_command_is_buried_with_the_reason() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    for name in ["note-v1", "unheard-of-v1"] {
        let subject = Subject::Command(Service::Chat, name, Partition::of("a")).to_string();
        jetstream.publish(subject, "garbage".into()).await.unwrap().await.unwrap();
    }
    assert_eq!(send(&bus, &note("a", 1, Mood::Good)).await.unwrap().get(), "1");
    until("both are dead letters", async || reasons(&nats).await.len() == 2).await;
    let reasons = reasons(&nats).await;
    assert!(reasons.iter().any(|reason| reason.contains("no handler")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("no id")), "{reasons:?}");
    replica.stop().await;
}

#[tokio::test]
async fn what_may_succeed_later_is_retried_and_keeps_its_place() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let (student, limit) = (actor(1, Role::Student), Duration::from_secs(20));
    let fails = bus.dispatch(Uuid::now_v7(), &student, &note("a", 1, Mood::Fails(3))).await.unwrap();
    let next = bus.dispatch(Uuid::now_v7(), &student, &note("a", 2, Mood::Good)).await.unwrap();
    let (fails, next) = tokio::join!(fails.answer(limit), next.answer(limit));
    assert!(fails.is_ok() && next.is_ok());
    assert_eq!(book.of("a"), [1, 2]);
    replica.stop().await;
}

/// The control: with `MOST_FAILURES` at `u32::MAX` the failing one is never answered.
#[tokio::test]
async fn what_always_fails_ends_as_a_dead_letter_and_the_others_go_on() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let (student, limit) = (actor(1, Role::Student), Duration::from_secs(30));
    let mut sent = Vec::new();
    for number in 0..100 {
        let mood = if number == 40 { Mood::Fails(u32::MAX) } else { Mood::Good };
        let note = note(&format!("key-{}", number % 10), number, mood);
        sent.push(bus.dispatch(Uuid::now_v7(), &student, &note).await.unwrap());
    }
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let answers = join_all(sent.into_iter().map(|one| one.answer(limit))).await;
    for (number, answer) in answers.iter().enumerate() {
        let code = answer.as_ref().err().map(|error| error.code.as_ref());
        assert_eq!(code, (number == 40).then_some(code::INTERNAL), "{number}");
    }
    for key in 0..10_u32 {
        let expected: Vec<u32> = (0..100).filter(|number| number % 10 == key && *number != 40).collect();
        assert_eq!(book.of(&format!("key-{key}")), expected);
    }
    let reasons = reasons(&nats).await;
    assert_eq!(reasons, ["failed 5 times alone: not now"]);
    replica.stop().await;
}

/// The control: without the marks a replica after another hangs, and nobody behind it is answered.
#[tokio::test]
async fn what_ends_the_process_again_and_again_ends_as_a_dead_letter() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let (student, limit) = (actor(1, Role::Student), Duration::from_secs(60));
    let mut sent = Vec::new();
    for number in 0..20 {
        let mood = if number == 7 { Mood::Hangs } else { Mood::Good };
        sent.push(bus.dispatch(Uuid::now_v7(), &student, &note("a", number, mood)).await.unwrap());
    }
    let answers = tokio::spawn(join_all(sent.into_iter().map(|one| one.answer(limit))));
    // Taken with others, then with others but marked, then alone: three times.
    for expected in 1..=5 {
        let replica = Replica::start_apart(&nats, &book).await;
        let hung = || book.hung.load(SeqCst);
        until(&format!("it hangs for the {expected}th time"), async || hung() == expected).await;
        replica.shutdown_background();
    }
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let answers = answers.await.unwrap();
    let failed: Vec<_> = (0..20).filter(|number| answers[*number].is_err()).collect();
    assert_eq!(failed, [7]);
    assert_eq!(book.of("a"), (0..20).filter(|number| *number != 7).collect::<Vec<_>>());
    assert_eq!(reasons(&nats).await, ["the process ended 3 times while this was handled"]);
    replica.stop().await;
}

/// The control: with the count of failures forgotten together with the marks it never reaches its end.
#[tokio::test]
async fn what_fails_after_its_owner_vanished_ends_as_a_dead_letter_too() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let (student, limit) = (actor(1, Role::Student), Duration::from_secs(30));
    let hangs = bus.dispatch(Uuid::now_v7(), &student, &note("a", 0, Mood::Hangs)).await.unwrap();
    let fails = bus.dispatch(Uuid::now_v7(), &student, &note("b", 1, Mood::Fails(u32::MAX))).await.unwrap();
    let vanishing = Replica::start_apart(&nats, &book).await;
    until("it hangs", async || book.hung.load(SeqCst) == 1).await;
    vanishing.shutdown_background();
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    assert_eq!(fails.answer(limit).await.unwrap_err().code, code::INTERNAL);
    assert_eq!(reasons(&nats).await, ["failed 5 times alone: not now"]);
    drop(hangs);
    drop(replica);
}

#[tokio::test]
async fn orderly_restarts_and_neighbours_never_count() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    for number in 0..8 {
        let replica = Replica::start(&bus, &book, Duration::ZERO);
        let sent = send(&bus, &note("a", number, Mood::Good)).await;
        assert!(sent.is_ok(), "{sent:?}");
        replica.stop().await;
    }
    let unclean: i64 = sqlx::query_scalar("SELECT count(*) FROM partition_owners WHERE NOT handed_over")
        .fetch_one(&book.database.pool)
        .await
        .unwrap();
    assert_eq!(unclean, 0, "partitions that an orderly stop did not hand over");
    let counted: i64 = sqlx::query_scalar("SELECT count(*) FROM message_attempts WHERE message <> 'probe'")
        .fetch_one(&book.database.pool)
        .await
        .unwrap();
    assert_eq!(counted, 0);
}

/// The control: with one round at a time the others are never answered.
#[tokio::test]
async fn what_is_slow_holds_up_its_own_key_alone() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let (student, limit) = (actor(1, Role::Student), Duration::from_secs(20));
    send(&bus, &note("a", 0, Mood::Good)).await.unwrap();
    let slow = bus.dispatch(Uuid::now_v7(), &student, &note("a", 1, Mood::Slow)).await.unwrap();
    until("it has begun", async || book.hung.load(SeqCst) == 1).await;
    let behind = bus.dispatch(Uuid::now_v7(), &student, &note("a", 2, Mood::Good)).await.unwrap();
    for key in 0..24 {
        let other = note(&format!("b-{key}"), 3, Mood::Good);
        bus.dispatch(Uuid::now_v7(), &student, &other).await.unwrap().answer(limit).await.unwrap();
    }
    assert_eq!(book.of("a"), [0]);
    book.gate.add_permits(1);
    slow.answer(limit).await.unwrap();
    behind.answer(limit).await.unwrap();
    assert_eq!(book.of("a"), [0, 1, 2]);
    assert_eq!(reasons(&nats).await, Vec::<String>::new());
    replica.stop().await;
}

/// The control: where what was refused is published again the queue never empties, and the room hears nothing.
#[tokio::test]
async fn what_is_too_large_to_be_told_is_replaced_by_a_word_that_says_so() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let mut room = bus.listen(Audience::Room(crate::support::room())).await.unwrap();
    assert_eq!(send(&bus, &note("a", 1, Mood::Large)).await.unwrap().get(), "1");
    send(&bus, &note("a", 2, Mood::Good)).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let arrival = room.next().await.unwrap();
        heard.extend(room.accept(arrival).await.into_iter().map(|one| (one.event, one.seq)));
    }
    assert_eq!(heard, [("resync-required".to_owned(), Some(1)), ("noted".to_owned(), Some(2))]);
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    until("nothing is left in the queue", async || {
        let stream = jetstream.get_stream(Stream::Commands(Service::Chat).to_string()).await.unwrap();
        stream.cached_info().state.messages == 0
    })
    .await;
    replica.stop().await;
}

/// The control: with `NotStored::Full` taken for unknown the answer comes after ten seconds.
#[tokio::test]
async fn a_full_queue_is_told_at_once() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    let mut stream = jetstream.get_stream(Stream::Commands(Service::Chat).to_string()).await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_bytes = 2_000;
    jetstream.update_stream(config).await.unwrap();
    let (student, started) = (actor(1, Role::Student), std::time::Instant::now());
    let mut refused = None;
    for number in 0..20 {
        let sent = bus.dispatch(Uuid::now_v7(), &student, &note("a", number, Mood::Good)).await.unwrap();
        // Nobody works: whatever the broker takes is not answered.
        if let Err(error) = sent.answer(Duration::from_millis(300)).await
            && error.code != code::TIMEOUT
        {
            refused = Some(error);
            break;
        }
    }
    assert_eq!(refused.unwrap().code, code::BUSY);
    assert!(started.elapsed() < Duration::from_secs(8));
}

/// As while it starts again: it has no queue yet. The control: with `NotStored::Unknown` refused, the sender is told that nothing
/// will come of it.
#[tokio::test]
async fn what_the_broker_may_have_or_take_later_is_not_refused() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    jetstream.delete_stream(Stream::Commands(Service::Chat).to_string()).await.unwrap();
    let (student, note) = (actor(1, Role::Student), note("a", 1, Mood::Good));
    let sent = bus.dispatch(Uuid::now_v7(), &student, &note).await.unwrap();
    assert_eq!(sent.answer(Duration::from_millis(200)).await.unwrap_err().code, code::TIMEOUT);
    // Whoever connects makes what is missing.
    let posting = bus.post(Uuid::now_v7(), &student, &note, Duration::from_secs(10));
    let (posted, _) = tokio::join!(posting, nats.bus("another"));
    posted.unwrap();
}

/// The controls: acknowledged before it is told, the first is lost to the room; with the later ones acknowledged before the
/// first, they do not come again behind it; and with those that vanished kept for alive, nobody takes what they held.
#[tokio::test]
async fn what_could_not_be_told_comes_again_with_all_that_followed_it() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let vanishing = Replica::start_apart(&nats, &book).await;
    send(&bus, &note("a", 0, Mood::Good)).await.unwrap();
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    until("what was done and told has left the queue", async || {
        let stream = jetstream.get_stream(Stream::Commands(Service::Chat).to_string()).await.unwrap();
        stream.cached_info().state.messages == 0
    })
    .await;
    jetstream.delete_stream(Stream::Deliveries.to_string()).await.unwrap();
    send(&bus, &note("a", 1, Mood::Good)).await.unwrap();
    // Nothing is told of these.
    for number in 2..=3 {
        send(&bus, &note("a", number, Mood::Refused)).await.unwrap_err();
    }
    vanishing.shutdown_background();
    // Whoever connects makes what is missing.
    let again = nats.bus("again").await.unwrap();
    let mut room = again.listen(Audience::Room(crate::support::room())).await.unwrap();
    let replica = Replica::start(&again, &book, Duration::ZERO);
    send(&bus, &note("a", 4, Mood::Good)).await.unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&Some(4)) {
        let arrival = room.next().await.unwrap();
        heard.extend(room.accept(arrival).await.into_iter().map(|one| one.seq));
    }
    assert_eq!(heard, [Some(1), Some(4)]);
    assert_eq!(book.batches.lock().iter().sum::<usize>(), 1 + 3 + 3 + 1, "how many were handled");
    replica.stop().await;
}

#[tokio::test]
async fn while_the_database_is_away_everything_waits_and_nothing_is_counted() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    send(&bus, &note("a", 0, Mood::Good)).await.unwrap();
    // As on a full disk: it reads, and writes nothing.
    let rename = |from: &str, to: &str| sqlx::query(sqlx::AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}")));
    rename("message_attempts", "elsewhere").execute(&book.database.pool).await.unwrap();
    let sent = bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note("a", 1, Mood::Fails(1_000))).await.unwrap();
    until("it is shown that something waits", async || {
        let is_ours = |one: &serde_json::Value| one["who"].as_str().unwrap().contains("note-v1");
        bus.status()["waiting"].as_array().unwrap().iter().any(|one| one["on"] == "database" && is_ours(one))
    })
    .await;
    assert_eq!(reasons(&nats).await, Vec::<String>::new());
    rename("elsewhere", "message_attempts").execute(&book.database.pool).await.unwrap();
    let answer = sent.answer(Duration::from_secs(20)).await;
    assert_eq!(answer.unwrap_err().code, code::INTERNAL, "then it is this one's own fault");
    until("nothing waits any more", async || bus.status()["waiting"] == serde_json::json!([])).await;
    replica.stop().await;
}

#[tokio::test]
async fn a_broker_that_is_killed_loses_nothing_that_was_answered() {
    let mut nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::from_millis(2));
    let mut sent = Vec::new();
    for number in 0..300 {
        let note = note(&format!("key-{}", number % 5), number, Mood::Good);
        sent.push(bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note).await.unwrap());
    }
    let answers = tokio::spawn(join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(30)))));
    until("work has begun", async || book.notes.lock().len() > 20).await;
    nats.kill_and_restart().await.unwrap();
    let answers = answers.await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
    assert_eq!(book.notes.lock().len(), 300);
    replica.stop().await;
}
