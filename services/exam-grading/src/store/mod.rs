//! SQL, and nothing but SQL.

pub mod answers;
pub mod autosaves;
pub mod exams;
pub mod interventions;
pub mod monitor;
pub mod participants;
pub mod questions;
pub mod results;
pub mod sessions;
