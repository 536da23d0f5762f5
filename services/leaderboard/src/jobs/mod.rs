//! What runs beside the handlers: the index in memory follows what is stored, and changed boards are broadcast.

pub(crate) mod broadcast;
pub(crate) mod sync;
