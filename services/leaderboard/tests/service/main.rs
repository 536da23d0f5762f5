//! The running service on a real broker and a real Postgres.
