//! What happened, and who hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_bus::{EventHandler, Failure, Followed, Heard, Outbound, ServiceBuilder};
use sinaesta_contracts::{Audience, Role, Service};
use sinaesta_testkit::{TestNats, actor, until};
use tokio_util::sync::CancellationToken;

use crate::support::{Book, Mood, Noted, Replica, note, send};

#[derive(Default)]
struct Ear {
    numbers: Mutex<Vec<u32>>,
    failures: AtomicU32,
}

struct Listener(Arc<Ear>);

impl EventHandler for Listener {
    type Event = Noted;

    async fn handle(&self, batch: &[Heard<Noted>]) -> Result<Vec<Outbound>, Failure> {
        let has = |number| batch.iter().any(|one| one.event.number == number);
        if has(6) {
            return Err(Failure::Reject("never".to_owned()));
        }
        if has(7) {
            return Err(Failure::Retry("not now, nor later".to_owned()));
        }
        if has(5) && self.0.failures.fetch_add(1, Ordering::SeqCst) < 2 {
            return Err(Failure::Retry("not now".to_owned()));
        }
        self.0.numbers.lock().extend(batch.iter().map(|one| one.event.number));
        let tell = |number| Outbound::deliver(listener(), &Noted { number, filler: String::new() });
        if has(8) { Ok(vec![tell(1)?, tell(2)?]) } else { Ok(Vec::new()) }
    }
}

/// Who is told what follows from events.
fn listener() -> Audience {
    Audience::User(actor(1, Role::Student).user_id)
}

#[tokio::test]
async fn every_listening_service_hears_of_every_event_and_tells_in_order_what_follows() {
    let nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let settings = nats.settings().unwrap().bus;
    let (stop, mut heard, book) = (CancellationToken::new(), Vec::new(), Book::new().await);
    for service in [Service::Leaderboard, Service::Notification] {
        let one = Arc::new(Ear::default());
        let attempts = book.attempts(service);
        let service = ServiceBuilder::new(bus.clone(), service, &settings, attempts).event(Listener(Arc::clone(&one)));
        tokio::spawn(service.run(stop.clone()));
        heard.push(one);
    }
    let replica = Replica::start(&bus, &book, Duration::ZERO);
    let mut told = bus.listen(listener()).await.unwrap();
    for number in 1..=8 {
        send(&bus, &note("a", number, Mood::Good)).await.unwrap();
    }
    // Both tell two things, each in their order.
    let mut numbers = Vec::new();
    while numbers.len() < 4 {
        let arrival = told.next().await.unwrap();
        let noted = told.accept(arrival).await.into_iter().map(|one| serde_json::from_slice::<Noted>(&one.payload));
        numbers.extend(noted.map(|one| one.unwrap().number));
    }
    assert!(matches!(numbers[..], [1, _, _, 2]), "{numbers:?}");
    for one in heard {
        until("all but the impossible ones are heard", async || {
            let mut numbers = one.numbers.lock().clone();
            numbers.sort_unstable();
            numbers == [1, 2, 3, 4, 5, 8]
        })
        .await;
    }
    let jetstream = async_nats::jetstream::new(nats.client().await.unwrap());
    until("both services put both aside", async || {
        let stream = jetstream.get_stream(sinaesta_contracts::Stream::DeadLetters.to_string()).await.unwrap();
        stream.cached_info().state.messages == 4
    })
    .await;
    stop.cancel();
    replica.stop().await;
}

#[tokio::test]
async fn a_follower_hears_everything_from_its_beginning_and_is_told_of_gaps() {
    let mut nats = TestNats::start().await.unwrap();
    let bus = nats.bus("test").await.unwrap();
    let replica = Replica::start(&bus, &Book::new().await, Duration::ZERO);
    send(&bus, &note("a", 1, Mood::Good)).await.unwrap();
    let mut one = bus.follow::<Noted>().await.unwrap();
    let mut other = bus.follow::<Noted>().await.unwrap();
    for number in 2..=4 {
        send(&bus, &note("a", number, Mood::Good)).await.unwrap();
    }
    for follower in [&mut one, &mut other] {
        for number in 2..=4 {
            assert!(matches!(follower.next().await, Followed::Event(noted) if noted.number == number));
        }
    }
    nats.kill_and_restart().await.unwrap();
    // It may find out twice, by the messages that end and by the reconnect; what is sent after the last gap is heard.
    let mut sent = 4;
    let heard = loop {
        match one.next().await {
            Followed::Event(noted) => break noted.number,
            Followed::Gap => {
                sent += 1;
                send(&bus, &note("a", sent, Mood::Good)).await.unwrap();
            }
        }
    };
    assert!(sent > 4, "there was no gap");
    assert_eq!(heard, sent);
    replica.stop().await;
}
