//! The message runtime: five kinds of message over NATS, and no sixth.
//!
//! | kind | from | to | promise |
//! | --- | --- | --- | --- |
//! | [`Command`](sinaesta_contracts::Command) | [`Bus::dispatch`], [`Bus::post`] | [`ServiceBuilder::command`] | at least once, in order per key, applied once by an idempotent write |
//! | [`Query`](sinaesta_contracts::Query) | [`Bus::ask`] | [`ServiceBuilder::query`] | an answer or a clear timeout |
//! | [`Event`](sinaesta_contracts::Event) | an [`Outcome`] | [`ServiceBuilder::event`], [`Bus::follow`] | at least once to each service; to each replica that follows |
//! | delivery | an [`Outcome`] | [`Bus::listen`] | in order, gaps are seen and filled |
//! | [`Signal`](sinaesta_contracts::Signal) | [`Bus::signal`] | [`Bus::signals`] | best effort |
//!
//! A service's author writes handlers and never sees a stream, an ack or a header:
//!
//! ```ignore
//! ServiceBuilder::new(bus, Service::Chat, &settings.bus, attempts)
//!     .command(SendMessageHandler::new(store.clone()))
//!     .query(HistoryHandler::new(store))
//!     .run(shutdown)
//!     .await
//! ```
//!
//! # Adding a handler
//!
//! Implement [`CommandHandler`] for a type that holds what it needs, and name it in the service's wiring.
//! A handler gets a batch, because batches form by themselves: one command when idle, hundreds under load.

pub mod admin;
mod answer;
mod attempts;
mod bus;
mod clock;
mod follow;
mod gateways;
mod headers;
mod listen;
mod outcome;
mod publish;
mod send;
mod service;
mod streams;
mod waiting;

pub use answer::Answer;
pub use attempts::{AttemptLog, Begun, Run, Unavailable};
pub use bus::{Bus, BusError, login};
pub use follow::{Followed, Follower};
pub use gateways::GatewayWatch;
pub use listen::{Delivery, Listener};
pub use outcome::{
    CommandHandler, EventHandler, Failure, Heard, Outbound, Outcome, QueryHandler, Received, one_by_one,
};
pub use send::Dispatched;
pub use service::ServiceBuilder;
pub use waiting::Dependency;
