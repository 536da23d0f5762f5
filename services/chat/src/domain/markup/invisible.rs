//! Characters that show nothing.

use sinaesta_contracts::invisible::{self, is_invisible};
use sinaesta_mutants::mutant;

/// Whether a character shows something.
pub fn is_visible(character: char) -> bool {
    invisible::is_visible(character) || (is_invisible(character) && mutant!("markup-invisible-shows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_invisible() {
        for character in [
            '\0',
            '\n',
            ' ',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{3000}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{feff}',
            '\u{115f}',
            '\u{1160}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{2800}',
            '\u{fe0f}',
            '\u{180e}',
            '\u{e0001}',
            '\u{e0101}',
            '\u{7f}',
        ] {
            assert!(!is_visible(character), "{character:?}");
        }
        for character in ['a', '.', 'ß', '☐', '\u{600}', '👩', '\u{1f3fb}', '\u{301}', '\u{fffd}', '\u{e000}'] {
            assert!(is_visible(character), "{character:?}");
        }
    }
}
