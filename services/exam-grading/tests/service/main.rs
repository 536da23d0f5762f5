//! The running service on a real broker and a real Postgres, asked as a gateway asks it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at what it did not expect")]

mod clocks;
mod edges;
mod guards;
mod repeats;
mod sessions;
mod stack;
mod timers;
