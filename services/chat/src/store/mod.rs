//! SQL, and nothing but SQL.

pub mod changes;
pub mod files;
pub mod groups;
pub mod messages;
pub mod mutes;
pub mod newest;
pub mod participants;
pub mod posting;
pub mod presence;
pub mod quotas;
pub mod reactions;
pub mod room_list;
pub mod room_sockets;
pub mod rooms;
pub mod search;
pub mod typing;
