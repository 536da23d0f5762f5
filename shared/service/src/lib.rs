//! What every service has in common: its process, its connections, its background jobs, and how it stops.

mod frame;
mod process;

pub use frame::{Frame, Http};
pub use process::main;
