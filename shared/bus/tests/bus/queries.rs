//! Questions and their answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sinaesta_bus::{Failure, QueryHandler, ServiceBuilder};
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

struct DoubleHandler;

impl QueryHandler for DoubleHandler {
    type Query = Double;

    async fn handle(&self, _: Actor, query: Double) -> Result<Result<u32, ErrorBody>, Failure> {
        match query.0 {
            0 => Ok(Err(ErrorBody::new("test/zero", "nothing to double"))),
            1 => Err(Failure::Retry("not now".to_owned())),
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
    let service = ServiceBuilder::new(bus.clone(), Service::Chat, &settings, attempts).query(DoubleHandler);
    let running = tokio::spawn(service.run(stop.clone()));
    until("it answers", async || bus.ask(&student, &Double(2)).await.is_ok()).await;
    assert_eq!(bus.ask(&student, &Double(21)).await.unwrap(), 42);
    assert_eq!(bus.ask(&student, &Double(0)).await.unwrap_err().code, "test/zero");
    assert_eq!(bus.ask(&student, &Double(1)).await.unwrap_err().code, code::UNAVAILABLE);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap().unwrap();
}
