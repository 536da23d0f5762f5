//! What of a text is searched. Postgres's parser makes one word of `mual/muntah`, `dr.Sari`, `siap👍` and an address, which then are
//! not found by their parts: so words are taken apart before, in messages and in queries alike. What is written as one is
//! looked for as a phrase.

use std::mem;

use sinaesta_contracts::invisible::is_invisible;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Which rules `document` follows: what was made searchable by a lower one is made so anew.
pub const VERSION: i16 = 1;

/// Stands between what is searched besides the words: a number to Postgres, and none of a query, so that no phrase goes across.
const APART: &str = " 0.0 ";

/// A message's words, each by itself; and once more what has letters and digits in one word (`TD120.5`, `25mg`), with these apart.
pub fn document(text: &str) -> String {
    let text = seen(text);
    let mut document = words(&text).join(" ");
    for piece in text.split_whitespace() {
        let apart = pieces(piece, true);
        if apart.len() > words(piece).len() {
            document.push_str(APART);
            document.push_str(&apart.join(" "));
        }
    }
    document
}

/// A query as `websearch_to_tsquery` reads it: `"as it stands"`, `or` and `-without` keep their meaning.
pub fn query(text: &str) -> String {
    let mut terms = Vec::new();
    let mut is_without = false;
    for (at, piece) in seen(text).split('"').enumerate() {
        if at % 2 == 1 {
            terms.push(term(piece, mem::take(&mut is_without), true));
            continue;
        }
        for word in piece.split_whitespace() {
            let rest = word.strip_prefix('-');
            terms.push(term(rest.unwrap_or(word), rest.is_some(), false));
        }
        is_without = piece.ends_with('-') && piece.split_whitespace().last() == Some("-");
    }
    terms.retain(|term| !term.is_empty());
    terms.join(" ")
}

fn term(text: &str, is_without: bool, is_quoted: bool) -> String {
    let words = words(text);
    let sign = if is_without { "-" } else { "" };
    match words.as_slice() {
        [] => String::new(),
        [word] if !is_quoted => format!("{sign}{word}"),
        _ => format!("{sign}\"{}\"", words.join(" ")),
    }
}

/// The text as a reader sees it: without what shows nothing, and with a space for each blank that counts as a letter or a symbol.
fn seen(text: &str) -> String {
    let shown = |ch| match ch {
        '\u{2800}' | '\u{3164}' | '\u{ffa0}' => Some(' '),
        ch => Some(ch).filter(|ch| !is_invisible(*ch)),
    };
    text.chars().filter_map(shown).collect()
}

/// Runs of letters and digits, with the marks on them.
fn words(text: &str) -> Vec<&str> {
    pieces(text, false)
}

/// The same; with `is_apart`, runs of letters and runs of digits.
fn pieces(text: &str, is_apart: bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut before) = (0, None);
    for (at, ch) in text.char_indices() {
        let kind = kind(ch, before);
        if kind.is_none() || (is_apart && before.is_some() && kind != before) {
            pieces.push(text.get(from..at).unwrap_or_default());
            from = if kind.is_none() { at + ch.len_utf8() } else { at };
        }
        before = kind;
    }
    pieces.push(text.get(from..).unwrap_or_default());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Number,
}

/// What a character is in a word; `None` if it divides words. A mark is what the character before it is; one that encloses that,
/// as around the digit of a keycap, is a sign of its own.
fn kind(ch: char, before: Option<Kind>) -> Option<Kind> {
    if ch.is_ascii() {
        let letter = ch.is_ascii_alphabetic().then_some(Kind::Letter);
        return letter.or(ch.is_ascii_digit().then_some(Kind::Number));
    }
    match ch.general_category_group() {
        GeneralCategoryGroup::Letter => Some(Kind::Letter),
        GeneralCategoryGroup::Number => Some(Kind::Number),
        GeneralCategoryGroup::Mark if ch.general_category() != GeneralCategory::EnclosingMark => {
            before.or(Some(Kind::Letter))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The controls: emoji and full-width punctuation divided nothing, what shows nothing divided words, and only the first number
    // of a date was one.
    #[test]
    fn what_is_written_as_one_has_parts() {
        for (text, expected) in [
            ("mual/muntah", "mual muntah"),
            ("dr.Sari: ya.", "dr Sari ya"),
            ("STEMI→PCI", "STEMI PCI"),
            ("demam.batuk", "demam batuk"),
            ("siap👍 🙏terima demam🙏🏽batuk", "siap terima demam batuk"),
            ("👩\u{200d}⚕\u{fe0f}Sari EKG\u{fe0f} 1\u{fe0f}\u{20e3}minum 🅰\u{fe0f}darah", "Sari EKG 1 minum darah"),
            ("tanya：kapan？ A＆B ［x］", "tanya kapan A B x"),
            ("hiper\u{ad}tensi kata\u{2060}sam\u{200b}bung", "hipertensi katasambung"),
            ("demam\u{2800}batuk\u{3164}pilek", "demam batuk pilek"),
            ("https://a.org/x?y=1#z", "https a org x y 1 z"),
            ("sari@rs.co.id", "sari rs co id"),
            ("27.11.2026 1.2.3 .5 5. 37,5 °C", "27 11 2026 1 2 3 5 5 37 5 C"),
            ("a<b && c>d", "a b c d"),
            ("cafe\u{301} naïve हिन्दी", "cafe\u{301} naïve हिन्दी"),
            ("", ""),
            ("/ . →", ""),
        ] {
            assert_eq!(document(text), expected, "{text}");
        }
    }

    #[test]
    fn letters_and_digits_of_one_word_are_parts_besides() {
        for (text, words, apart) in [
            ("TD120.5 naik", "TD120 5 naik", "TD 120 5"),
            ("pH7.35", "pH7 35", "pH 7 35"),
            ("25mg/kgBB", "25mg kgBB", "25 mg kgBB"),
            ("E11.9", "E11 9", "E 11 9"),
            ("cm²", "cm²", "cm ²"),
        ] {
            assert_eq!(document(text), format!("{words}{APART}{apart}"), "{text}");
        }
        assert_eq!(query("TD120.5 T4 120.5"), "\"TD120 5\" T4 \"120 5\"");
    }

    #[test]
    fn a_query_keeps_its_meaning() {
        for (text, expected) in [
            ("mual muntah", "mual muntah"),
            ("mual/muntah", "\"mual muntah\""),
            ("-mual/muntah demam", "-\"mual muntah\" demam"),
            ("demam or batuk", "demam or batuk"),
            ("\"nyeri dada\" -\"sesak napas\"", "\"nyeri dada\" -\"sesak napas\""),
            ("\"or\" - x \"a", "\"or\" x \"a\""),
            ("nyeri-dada", "\"nyeri dada\""),
            ("a.org/x", "\"a org x\""),
            ("siap👍 hiper\u{ad}tensi", "siap hipertensi"),
            ("& | ! ( ) : * <-> 👍", ""),
        ] {
            assert_eq!(query(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(text in any::<String>()) {
            let text = seen(&text);
            let once = words(&text).join(" ");
            prop_assert_eq!(words(&once).join(" "), once);
            drop((document(&text), query(&text)));
        }
    }
}
