//! Characters that show nothing.

use sinaesta_mutants::mutant;

/// Unicode's default ignorable characters (`Default_Ignorable_Code_Point`), the format characters beside them that show
/// nothing either, and three blanks that count as letters or symbols. In order.
const INVISIBLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character shows something: it is not white space, no control, and none of [`INVISIBLE`].
pub fn is_visible(character: char) -> bool {
    let at = INVISIBLE.partition_point(|(_, last)| *last < character);
    let is_listed =
        INVISIBLE.get(at).is_some_and(|(first, _)| *first <= character && !mutant!("markup-invisible-shows"));
    !character.is_whitespace() && !character.is_control() && !is_listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order() {
        assert!(INVISIBLE.iter().all(|(first, last)| first <= last));
        assert!(INVISIBLE.is_sorted_by(|(_, last), (first, _)| last < first));
    }

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
