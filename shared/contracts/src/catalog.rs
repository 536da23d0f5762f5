//! Every event that clients see.
