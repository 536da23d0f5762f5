//! All of the service's SQL. Statements take arrays, so that a batch is one round trip.

pub mod commands;
pub mod exams;
pub mod inboxes;
pub mod notifications;
pub mod posted;
pub mod push;
pub mod retention;
pub mod rooms;
pub mod seen;
pub mod urgent;
