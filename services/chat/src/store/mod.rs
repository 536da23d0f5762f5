//! SQL, and nothing but SQL.

pub mod groups;
pub mod messages;
pub mod participants;
pub mod presence;
pub mod room_sockets;
pub mod rooms;
pub mod typing;
