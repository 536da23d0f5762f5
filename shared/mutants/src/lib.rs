//! Planted bugs, which show whether the tests notice what they are there for.
//!
//! [`mutant!`] plants one where the code could be wrong. It does nothing unless the program was built with the feature `planted`
//! and `SINAESTA_MUTANT` names it; without the feature it is a constant `false`, which the compiler takes out.
//!
//! Which there are, and which tests should notice each, stands in `ops/xtask/src/mutants`; how to plant one, in
//! `docs/testing.md`.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted bugs are for tests: a release is built without the feature `planted`");

/// A planted bug, in one of three forms: whether it is on; what it does then; or what it does then, and what is right.
///
/// ```
/// use sinaesta_mutants::mutant;
///
/// let is_over = |left: u32| left == 0 && !mutant!("exam-never-ends");
/// let mut told = vec!["a", "b"];
/// mutant!("told-in-reverse", told.reverse());
/// let grace = mutant!("no-grace", 0, 2);
/// assert_eq!((is_over(0), told, grace), (true, vec!["a", "b"], 2));
/// ```
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        $crate::is_planted($name)
    };
    ($name:literal, $wrong:expr) => {
        if $crate::is_planted($name) {
            $wrong;
        }
    };
    ($name:literal, $wrong:expr, $right:expr) => {
        if $crate::is_planted($name) { $wrong } else { $right }
    };
}

/// Whether this is the bug that was asked for.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn is_planted(_: &str) -> bool {
    false
}

/// Whether this is the bug that was asked for. That a test came by it at all is noted in the file that `SINAESTA_MUTANT_MET`
/// names: a bug that nobody met says nothing about what the test checks.
#[cfg(feature = "planted")]
pub fn is_planted(name: &str) -> bool {
    use std::sync::{LazyLock, Once};
    static WANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("SINAESTA_MUTANT").ok());
    static MET: Once = Once::new();
    let is_wanted = WANTED.as_deref() == Some(name);
    if is_wanted {
        MET.call_once(|| {
            if let Some(file) = std::env::var_os("SINAESTA_MUTANT_MET") {
                std::fs::write(file, name).ok();
            }
        });
    }
    is_wanted
}
