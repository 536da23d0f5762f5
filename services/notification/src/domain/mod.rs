//! The rules: who may tell whom, when it is quiet, and what the system says. No I/O.

pub mod action_url;
pub mod bounds;
pub mod notice;
pub mod paging;
pub mod quiet;
pub mod reminder;
pub mod retention;
pub mod sending;
