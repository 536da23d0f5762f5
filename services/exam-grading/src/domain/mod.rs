//! The rules, and nothing but rules: no database, no broker, no clock.

pub mod grading;
pub mod import;
pub mod presence;
pub mod question;
pub mod record;
pub mod session;
