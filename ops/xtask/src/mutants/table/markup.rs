//! What of markup is kept, and what becomes of the rest.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
