//! Exams: deadlines, answers, autosaves, grading, corrections, interventions.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
