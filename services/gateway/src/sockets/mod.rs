//! The way in.

pub(crate) mod accounts;
pub(crate) mod expiry;
pub(crate) mod handshake;
pub(crate) mod inbound;
pub(crate) mod latest;
pub(crate) mod limits;
pub(crate) mod participation;
pub(crate) mod presence;
mod queue;
pub(crate) mod reader;
pub(crate) mod responder;
pub(crate) mod session;
pub(crate) mod user;
pub(crate) mod users;
