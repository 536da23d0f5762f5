//! Questions and their answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use sinaesta_bus::{Bus, Failure, QueryHandler, ServiceBuilder};
use sinaesta_clock::Clock;
use sinaesta_contracts::{Actor, ErrorBody, Query, Role, Service, code};
use sinaesta_testkit::{TestNats, actor, until};
use tokio_util::sync::CancellationToken;

use crate::support::Book;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Double(u32);

impl Query for Double {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "double-v1";
    type Reply = u32;
}

/// Never answers 3; notes how often it began to.
#[derive(Clone, Default)]
struct DoubleHandler {
    begun: Arc<AtomicUsize>,
}

impl QueryHandler for DoubleHandler {
    type Query = Double;

    async fn handle(&self, _: Actor, query: Double) -> Result<Result<u32, ErrorBody>, Failure> {
        match query.0 {
            0 => Ok(Err(ErrorBody::new("test/zero", "nothing to double"))),
            1 => Err(Failure::Retry("not now".to_owned())),
            3 => {
                self.begun.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
            n => Ok(Ok(n * 2)),
        }
    }
}

#[tokio::test]
async fn a_query_gets_an_answer_a_refusal_or_a_clear_word() {
    let nats = TestNats::start().await.unwrap();
    let (bus, student) = (nats.bus("test").await.unwrap(), actor(1, Role::Student));
    assert_eq!(bus.ask(&student, &Double(2)).await.unwrap_err().code, code::UNAVAILABLE);
    let stop = CancellationToken::new();
    let (settings, attempts) = (nats.settings().unwrap().bus, Book::new().await.attempts(Service::Chat));
    let service = ServiceBuilder::new(bus.clone(), Service::Chat, &settings, attempts).query(DoubleHandler::default());
    let running = tokio::spawn(service.run(stop.clone()));
    until("it answers", async || bus.ask(&student, &Double(2)).await.is_ok()).await;
    assert_eq!(bus.ask(&student, &Double(21)).await.unwrap(), 42);
    assert_eq!(bus.ask(&student, &Double(0)).await.unwrap_err().code, "test/zero");
    assert_eq!(bus.ask(&student, &Double(1)).await.unwrap_err().code, code::UNAVAILABLE);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap().unwrap();
}

/// The controls: with a deadline by the asker's clock in place of a time to wait, nothing is answered; with what nobody waits
/// for worked off all the same, a thousand are begun; without a bound of those that wait, none is busy.
#[tokio::test]
async fn what_nobody_waits_for_is_dropped_and_what_finds_too_many_is_told_so_at_once() {
    let nats = TestNats::start().await.unwrap();
    let (mut settings, student) = (nats.settings().unwrap(), actor(1, Role::Student));
    settings.bus.request_timeout_ms = 1_500;
    let bus = Bus::connect("test", &settings.nats, &settings.bus).await.unwrap();
    // No clock of one machine is compared with that of another.
    let wrong = Clock::manual(Clock::system().now() + Duration::from_secs(90));
    let replica = Bus::connect_with("chat", &settings.nats, &settings.bus, wrong).await.unwrap();
    let stop = CancellationToken::new();
    let handler = DoubleHandler::default();
    let attempts = Book::new().await.attempts(Service::Chat);
    let service = ServiceBuilder::new(replica, Service::Chat, &settings.bus, attempts).query(handler.clone());
    let running = tokio::spawn(service.run(stop.clone()));
    until("it answers", async || bus.ask(&student, &Double(2)).await.is_ok()).await;
    let answers = join_all((0..1_100).map(|_| bus.ask(&student, &Double(3)))).await;
    let count = |wanted: &str| answers.iter().filter(|one| one.as_ref().is_err_and(|it| it.code == wanted)).count();
    let (busy, late) = (count(code::BUSY), count(code::TIMEOUT));
    assert!(busy >= 40 && busy + late == 1_100, "{busy} busy, {late} late");
    until("it answers others", async || bus.ask(&student, &Double(2)).await.is_ok()).await;
    let begun = handler.begun.load(Ordering::SeqCst);
    assert!(begun < 100, "{begun} were begun");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap().unwrap();
}
