//! Sinaesta.
