//! The rules, and nothing but rules: no database, no broker, and no time of their own.

pub mod board;
pub mod bounds;
pub mod calendar;
