//! What a sender of commands may rely on.

use std::time::Duration;

use futures::future::join_all;
use sinaesta_contracts::Role;
use sinaesta_testkit::{TestNats, actor};
use uuid::Uuid;

use crate::support::{Book, Mood, Replica, note, send, send_as};

#[tokio::test]
async fn a_command_is_applied_and_answered() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    assert_eq!(send(&bus, &note("a", 7, Mood::Good)).await.unwrap().get(), "7");
    assert_eq!(book.of("a"), [7]);
    replica.stop().await;
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_no_dead_letter() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    assert_eq!(send(&bus, &note("a", 7, Mood::Refused)).await.unwrap_err().code, "test/refused");
    let stream = async_nats::jetstream::new(nats.client().await.unwrap());
    assert_eq!(
        stream
            .get_stream(sinaesta_contracts::Stream::DeadLetters.to_string())
            .await
            .unwrap()
            .cached_info()
            .state
            .messages,
        0
    );
    replica.stop().await;
}

#[tokio::test]
async fn the_same_id_is_the_same_command() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let id = Uuid::now_v7();
    send_as(&bus, id, &note("a", 1, Mood::Good)).await.unwrap();
    bus.post(id, &actor(1, Role::Student), &note("a", 1, Mood::Good), Duration::from_secs(5)).await.unwrap();
    send(&bus, &note("a", 2, Mood::Good)).await.unwrap();
    assert_eq!(book.of("a"), [1, 2]);
    replica.stop().await;
}

#[tokio::test]
async fn what_waits_is_taken_together_and_keeps_its_order() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let replica = Replica::start(&bus, &book, Duration::from_millis(5));
    let mut sent = Vec::new();
    for number in 0..300 {
        let note = note(if number % 2 == 0 { "even" } else { "odd" }, number, Mood::Good);
        sent.push(bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note).await.unwrap());
    }
    let answers = join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(20)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(book.of("even"), (0..300).filter(|n| n % 2 == 0).collect::<Vec<_>>());
    assert_eq!(book.of("odd"), (0..300).filter(|n| n % 2 == 1).collect::<Vec<_>>());
    assert!(book.batches.lock().len() < 150, "nothing was taken together: {:?}", book.batches.lock());
    replica.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_was_taken() {
    let nats = TestNats::start().await.unwrap();
    let (bus, book) = (nats.bus("test").await.unwrap(), Book::new().await);
    let first = Replica::start(&bus, &book, Duration::from_millis(20));
    let mut sent = Vec::new();
    for number in 0..200 {
        let note = note("a", number, Mood::Good);
        sent.push(bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note).await.unwrap());
    }
    first.stop().await;
    let second = Replica::start(&bus, &book, Duration::ZERO);
    let answers = join_all(sent.into_iter().map(|one| one.answer(Duration::from_secs(20)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(book.of("a"), (0..200).collect::<Vec<_>>());
    second.stop().await;
}
