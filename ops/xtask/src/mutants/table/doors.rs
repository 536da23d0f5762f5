//! Who may enter, read and change what.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
