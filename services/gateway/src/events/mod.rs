//! What clients send. [`table`] has one line for each event; those that are more than forwarded have a handler, in a file of their
//! domain. A handler dispatches its command in the order of its user's queue, and awaits the reply outside of it.

mod call;
mod exams;
mod leaderboards;
mod messages;
pub(crate) mod rooms;
mod routes;
mod session;
mod status;
mod study_groups;
mod table;
pub(crate) mod typing;

pub(crate) use call::Call;
pub(crate) use table::route;
