//! The gateway: rooms, admission, limits, tokens, files.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
