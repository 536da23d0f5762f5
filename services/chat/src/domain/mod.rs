//! The rules of chat: pure, without `async`.

pub mod door;
pub mod file_url;
pub mod group;
pub mod markup;
pub mod searching;
