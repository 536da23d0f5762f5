//! A table's rows.

use ::csv::{Reader, ReaderBuilder, StringRecord};

/// Each row with the line in which it begins, or with what keeps it from being one. Empty lines are passed over.
pub(super) struct Rows<'t> {
    text: &'t str,
    delimiter: u8,
    reader: Reader<&'t [u8]>,
    /// How far lines have been counted, in bytes.
    counted: usize,
    line: u32,
}

impl<'t> Rows<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let (delimiter, text, line) = match named_delimiter(text) {
            Some((delimiter, rest)) => (delimiter, rest, 2),
            None => (delimiter(text), text, 1),
        };
        let mut builder = ReaderBuilder::new();
        let reader = builder.delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
        Self { text, delimiter, reader, counted: 0, line }
    }

    fn at(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX)
    }

    /// The reader's own count is of where it stood: before the rest of a `\r\n`, and before empty lines.
    fn line_at(&mut self, byte: usize) -> u32 {
        let passed = self.text.get(self.counted..byte).unwrap_or_default();
        let breaks = passed.matches(['\r', '\n']).count() - passed.matches("\r\n").count();
        self.counted = byte;
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.line
    }
}

impl Iterator for Rows<'_> {
    type Item = (u32, Result<StringRecord, String>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = StringRecord::new();
        let from = self.at();
        let read = self.reader.read_record(&mut record);
        let row = self.text.get(from..self.at()).unwrap_or_default();
        let begun = row.trim_start_matches(['\r', '\n']);
        let line = self.line_at(from + row.len() - begun.len());
        match read {
            Ok(false) => None,
            Ok(true) => {
                Some((line, misquoted(begun, self.delimiter).map_or(Ok(record), |reason| Err(reason.to_owned()))))
            }
            Err(_) => Some((line, Err("it can't be read as a row of cells".to_owned()))),
        }
    }
}

/// The delimiter that a first line such as `sep=;` names, and the text under it: Excel writes and reads such a line. Saved once
/// more, it may stand in quotes, with delimiters for the cells that it lacks.
fn named_delimiter(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_at(text.find(['\r', '\n']).unwrap_or(text.len()));
    let line = line.trim_start_matches('"');
    let named = line.get(..4).filter(|name| name.eq_ignore_ascii_case("sep=")).and(line.get(4..))?;
    let delimiter = *named.as_bytes().first().filter(|byte| b",;\t|".contains(byte))?;
    let is_all = named.trim_end_matches(char::from(delimiter)).trim_end_matches('"').len() <= 1;
    is_all.then(|| (delimiter, rest.strip_prefix("\r\n").or_else(|| rest.get(1..)).unwrap_or_default()))
}

/// A comma, or a semicolon or tab where the first row has more of those: spreadsheets differ by country.
fn delimiter(text: &str) -> u8 {
    let first = text.split(['\r', '\n']).find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // Of several that stand there equally often the last one is taken.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// What is wrong with a row's quotation marks, which the reader takes as they come: one that is left open makes the
/// rows under it part of its cell.
fn misquoted(row: &str, delimiter: u8) -> Option<&'static str> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Bare,
        Quoted,
        Quote,
        End,
    }
    let mut at = At::Start;
    for ch in row.chars() {
        at = match (at, ch) {
            (At::Start | At::Quote, '"') => At::Quoted,
            (At::Quoted, '"') => At::Quote,
            (At::Quoted, _) => At::Quoted,
            (_, '\r' | '\n') => At::Start,
            (_, ch) if ch == char::from(delimiter) => At::Start,
            (At::Quote | At::End, ' ') => At::End,
            (At::Quote | At::End, _) => {
                return Some(
                    "text follows a closing `\"`: is a `\"` missing before it? One that is part of a text is written \
                     twice (`\"\"`)",
                );
            }
            _ => At::Bare,
        }
    }
    (at == At::Quoted)
        .then_some("a `\"` is never closed, so that the rest of the file belongs to it: rows under it were not read")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<u32> {
        Rows::new(text).map(|(line, _)| line).collect()
    }

    #[test]
    fn rows_begin_where_an_editor_shows_them() {
        for (text, expected) in [
            ("a,b\nc,d\ne,f", vec![1, 2, 3]),
            ("a,b\r\nc,d\r\ne,f\r\n", vec![1, 2, 3]),
            ("a,b\rc,d\re,f\r", vec![1, 2, 3]),
            ("\n\na,b\n\n\nc,d\n\n", vec![3, 6]),
            ("\r\n\r\na,b\r\n\r\nc,d", vec![3, 5]),
            ("a,\"b\r\nb\"\r\nc,\"d\n\n\nd\"\r\ne,f", vec![1, 3, 7]),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotation_marks_stand_around_cells_and_twice_inside_them() {
        for good in ["\"a\",b", "\"a, \"\"b\"\"\" ,\"\"", "a \" b,5\"", "\"a\nb\"\n", "\"a\"\r\n"] {
            assert_eq!(misquoted(good, b','), None, "{good:?}");
        }
        for bad in ["\"a,b", "a,\"", "\"a\"b,c", "\"a\" \"b\"", "\"a \"\" b"] {
            assert!(misquoted(bad, b',').is_some(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn without_quotation_marks_every_line_with_text_is_a_row(text in "[a;,é\t\r\n]{0,60}") {
            let expected: Vec<u32> = text.replace("\r\n", "\n").split(['\r', '\n']).zip(1..)
                .filter(|(line, _)| !line.is_empty()).map(|(_, number)| number).collect();
            prop_assert_eq!(lines(&text), expected);
        }
    }
}
