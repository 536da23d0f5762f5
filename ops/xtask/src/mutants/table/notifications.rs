//! The bell: what is told to whom, the badge, quiet hours, reminders, pushing.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
