//! The runtime against a real NATS server.

mod commands;
mod deliveries;
mod events;
mod failures;
mod queries;
mod replicas;
mod support;
