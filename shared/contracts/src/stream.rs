//! The broker's streams, by name.

use std::fmt;

use crate::Service;

/// Something that the broker stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The commands of a service, until their effect is durable. One stream each, so that the broker can tell apart who
    /// may read what, and a service that is down fills nobody's queue but its own.
    Commands(Service),
    /// What happened.
    Events,
    /// What sockets must hear.
    Deliveries,
    /// What could not be handled, with the reason.
    DeadLetters,
}

/// The bucket of the object store that files are kept in.
pub const FILE_BUCKET: &str = "files";
/// The stream that the broker keeps that bucket in.
pub const FILE_STREAM: &str = "OBJ_files";

impl Stream {
    /// Every stream.
    pub fn all() -> impl Iterator<Item = Self> {
        let commands = Service::HANDLERS.into_iter().map(Self::Commands);
        commands.chain([Self::Events, Self::Deliveries, Self::DeadLetters])
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commands(service) => write!(f, "COMMANDS-{service}"),
            Self::Events => f.write_str("EVENTS"),
            Self::Deliveries => f.write_str("DELIVERIES"),
            Self::DeadLetters => f.write_str("DEAD_LETTERS"),
        }
    }
}
