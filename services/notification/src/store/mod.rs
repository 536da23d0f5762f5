//! All of the service's SQL. Statements take arrays, so that a batch is one round trip.

pub mod exams;
pub mod inboxes;
pub mod notifications;
pub mod push;
pub mod retention;
pub mod seen;
