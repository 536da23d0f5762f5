//! Web Push: what goes to browsers that are closed (RFC 8030, encrypted after RFC 8291, signed after RFC 8292).

pub(crate) mod browser;
mod key;
mod queue;
mod sender;
mod services;

pub(crate) use key::Key;
pub(crate) use queue::run;
pub(crate) use services::Services;
