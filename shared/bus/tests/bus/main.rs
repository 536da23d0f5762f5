//! The runtime against a real NATS server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it did not expect")]

mod commands;
mod deliveries;
mod events;
mod failures;
mod permissions;
mod queries;
mod replicas;
mod stuck;
mod support;
mod tls;
