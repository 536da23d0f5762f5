//! The rules, and nothing but rules: no database, no broker, no clock.

pub mod board;
pub mod calendar;
