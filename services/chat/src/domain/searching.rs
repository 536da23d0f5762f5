//! What of a text is searched. Postgres's parser makes one word of `mual/muntah`, `dr.Sari` and an address, which then are not
//! found by their parts: so words are taken apart before, in messages and in queries alike. What is written as one is
//! looked for as a phrase.

use std::mem;

/// A message's words, each by itself.
pub fn document(text: &str) -> String {
    words(text).join(" ")
}

/// A query as `websearch_to_tsquery` reads it: `"as it stands"`, `or` and `-without` keep their meaning.
pub fn query(text: &str) -> String {
    let mut terms = Vec::new();
    let mut is_without = false;
    for (at, piece) in text.split('"').enumerate() {
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

/// Runs of letters and digits. A point between digits is part of a number.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut from = 0;
    let mut is_number = true;
    let mut chars = text.char_indices().peekable();
    while let Some((at, ch)) = chars.next() {
        let is_decimal =
            ch == '.' && is_number && at > from && chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        if divides(ch) && !is_decimal {
            words.push(text.get(from..at).unwrap_or_default());
            (from, is_number) = (at + ch.len_utf8(), true);
        } else {
            is_number &= ch.is_ascii_digit() || is_decimal;
        }
    }
    words.push(text.get(from..).unwrap_or_default());
    words.retain(|word| !word.is_empty());
    words
}

/// Punctuation and signs, those of ASCII and those that keyboards and documents have besides: a mark that belongs to the letter
/// before it divides nothing.
fn divides(ch: char) -> bool {
    let is_sign = matches!(ch, '\u{80}'..='\u{bf}' | '×' | '÷' | '\u{2000}'..='\u{2bff}' | '\u{2e00}'..='\u{2e7f}'
        | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}');
    let joins = matches!(ch, '\u{200c}' | '\u{200d}');
    (ch.is_ascii() || is_sign) && !ch.is_alphanumeric() && !joins
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_as_one_has_parts() {
        for (text, expected) in [
            ("mual/muntah", "mual muntah"),
            ("25mg/kgBB", "25mg kgBB"),
            ("IV/IM/SC", "IV IM SC"),
            ("dr.Sari: ya.", "dr Sari ya"),
            ("STEMI→PCI", "STEMI PCI"),
            ("demam.batuk", "demam batuk"),
            ("https://a.org/x?y=1#z", "https a org x y 1 z"),
            ("sari@rs.co.id", "sari rs co id"),
            ("pH 7.35, 37,5 °C v1.2 1.2.3 .5 5.", "pH 7.35 37 5 C v1 2 1.2.3 5 5"),
            ("a<b && c>d", "a b c d"),
            ("cafe\u{301} naïve β1 cm²", "cafe\u{301} naïve β1 cm²"),
            ("", ""),
            ("/ . →", ""),
        ] {
            assert_eq!(document(text), expected, "{text}");
        }
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
            ("& | ! ( ) : * <->", ""),
        ] {
            assert_eq!(query(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(text in any::<String>()) {
            prop_assert_eq!(document(&document(&text)), document(&text));
            drop(query(&text));
        }
    }
}
