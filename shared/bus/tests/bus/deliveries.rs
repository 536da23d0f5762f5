//! What sockets must hear, on its way to a gateway.

use std::time::Duration;

use sinaesta_contracts::{Audience, Role};
use sinaesta_testkit::{TestNats, actor};
use uuid::Uuid;

use crate::support::{Book, Mood, Noted, Replica, note, room, send};

#[tokio::test]
async fn deliveries_come_in_order_with_what_the_service_wrote() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let book = Book::new().await;
    let replica = Replica::start(&bus, &book, Duration::from_millis(5));
    let mut listener = bus.listen(Audience::Room(room())).await.unwrap();
    for number in 1..=3 {
        send(&bus, &note("a", number, Mood::Good)).await.unwrap();
    }
    for number in 1..=3 {
        let arrival = listener.next().await.unwrap();
        let deliveries = listener.accept(arrival).await;
        assert_eq!(deliveries.len(), 1);
        assert_eq!((deliveries[0].event.as_str(), deliveries[0].seq), ("noted", Some(number)));
        assert_eq!(deliveries[0].payload, format!("{{\"number\":{number}}}"));
        assert!(deliveries[0].stored_at.is_some());
    }
    // And of those that were taken together.
    for number in 4..=40 {
        drop(bus.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note("a", number, Mood::Good)).await.unwrap());
    }
    for number in 4..=40 {
        let arrival = listener.next().await.unwrap();
        let seqs: Vec<_> = listener.accept(arrival).await.into_iter().map(|delivery| delivery.seq).collect();
        assert_eq!(seqs, [Some(number)]);
    }
    assert!(book.batches.lock().iter().any(|size| *size > 1), "nothing was taken together: {:?}", book.batches.lock());
    replica.stop().await;
}

#[tokio::test]
async fn what_got_lost_on_the_way_is_read_from_the_stream() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let replica = Replica::start(&bus, &Book::new().await, Duration::ZERO);
    let mut listener = bus.listen(Audience::Room(room())).await.unwrap();
    for number in 1..=5 {
        send(&bus, &note("a", number, Mood::Good)).await.unwrap();
    }
    let first = listener.next().await.unwrap();
    assert_eq!(listener.accept(first).await.len(), 1);
    // Three arrivals that nobody accepts are three that did not arrive.
    for _ in 0..3 {
        listener.next().await.unwrap();
    }
    let last = listener.next().await.unwrap();
    let seqs: Vec<_> = listener.accept(last).await.into_iter().map(|delivery| delivery.seq.unwrap()).collect();
    assert_eq!(seqs, [2, 3, 4, 5]);
    replica.stop().await;
}

#[tokio::test]
async fn a_signal_is_heard_now_or_never() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let audience = Audience::Room(room());
    bus.signal_to(&audience, &Noted { number: 1, filler: String::new() }, None).await;
    bus.flush().await;
    let mut listener = bus.listen(audience.clone()).await.unwrap();
    bus.signal_to(&audience, &Noted { number: 2, filler: String::new() }, None).await;
    let arrival = listener.next().await.unwrap();
    let heard = listener.accept(arrival).await;
    assert_eq!((heard[0].payload.as_ref(), heard[0].seq), (b"{\"number\":2}".as_slice(), None));
}
