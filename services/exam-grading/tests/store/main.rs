//! Handlers against a real Postgres and a real NATS.
