//! Chat: messages, presence, typing, groups, files, search, moderation.

use super::{Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
];
