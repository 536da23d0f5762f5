//! Boards: what counts, in which order it is ranked, and who is told.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
