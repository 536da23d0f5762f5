//! What can't be handled, what can't be handled yet, and a broker that dies.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use sinaesta_contracts::{Partition, Role, Service, Subject, code};
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
    let slow = bus.dispatch(Uuid::now_v7(), &student, &note("a", 1, Mood::Slow(3))).await.unwrap();
    let next = bus.dispatch(Uuid::now_v7(), &student, &note("a", 2, Mood::Good)).await.unwrap();
    let (slow, next) = tokio::join!(slow.answer(limit), next.answer(limit));
    assert!(slow.is_ok() && next.is_ok());
    assert_eq!(book.of("a"), [1, 2]);
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
