//! SQL, and nothing but SQL.

pub mod entries;
pub mod people;
pub mod results;
