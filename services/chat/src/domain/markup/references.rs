//! Character references: what a browser shows one character for, such as `&lt;`, `&#60;` or `&copy`.

use std::borrow::Cow;
use std::iter;

use markup5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// What a reference stands for, and how many bytes it has.
struct Reference {
    first: char,
    second: Option<char>,
    length: usize,
}

/// An attribute's value with its references as what they stand for.
pub fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let (mut decoded, mut rest) = (String::with_capacity(value.len()), value);
    while let Some((before, source)) = rest.find('&').and_then(|at| rest.split_at_checked(at)) {
        decoded.push_str(before);
        let found = read(source).filter(|found| !is_parameter(source, found.length));
        let length = found.as_ref().map_or(1, |found| found.length);
        match found {
            Some(found) => decoded.extend(iter::once(found.first).chain(found.second)),
            None => decoded.push('&'),
        }
        rest = source.get(length..).unwrap_or_default();
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Whether a reference in an attribute is none: `?a=1&copy=2` has a parameter of that name.
fn is_parameter(source: &str, length: usize) -> bool {
    let is_named = !source.starts_with("&#") && !source.get(..length).is_some_and(|found| found.ends_with(';'));
    is_named && source.as_bytes().get(length).is_some_and(|next| *next == b'=' || next.is_ascii_alphanumeric())
}

fn read(source: &str) -> Option<Reference> {
    let body = source.strip_prefix('&')?;
    match body.strip_prefix('#') {
        Some(number) => numeric(number),
        None => named(body),
    }
}

/// The longest name that there is; some end without a semicolon.
fn named(body: &str) -> Option<Reference> {
    let mut found = None;
    for length in 1..=body.len() {
        // The map has the beginnings of names too, as standing for nothing.
        let Some((first, second)) = body.get(..length).and_then(|name| NAMED_ENTITIES.get(name)) else { break };
        if let Some(first) = char::from_u32(*first).filter(|first| *first != '\0') {
            let second = char::from_u32(*second).filter(|second| *second != '\0');
            found = Some(Reference { first, second, length: "&".len() + length });
        }
    }
    found
}

fn numeric(number: &str) -> Option<Reference> {
    let (digits, base, head) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, "&#x".len()),
        None => (number, 10, "&#".len()),
    };
    let length = digits.bytes().position(|byte| !char::from(byte).is_digit(base)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
    let digit = |sum: u32, digit: char| sum.saturating_mul(base).saturating_add(digit.to_digit(base).unwrap_or(0));
    let code = digits.chars().fold(0, digit);
    // Numbers of the C1 controls mean what Windows has there.
    let windows = code.checked_sub(0x80).and_then(|at| *C1_REPLACEMENTS.get(at as usize)?);
    let first = windows.or_else(|| char::from_u32(code)).filter(|first| *first != '\0').unwrap_or('\u{fffd}');
    Some(Reference { first, second: None, length: head + length + usize::from(rest.starts_with(';')) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_what_a_browser_finds() {
        for source in [
            "&amp;",
            "&amp",
            "&ampx",
            "&copy2",
            "&#65",
            "&#x41;",
            "&#X41",
            "&notin;",
            "&nbsp;",
            "&#0;",
            "&#99999999999;",
        ] {
            assert!(read(source).is_some(), "{source}");
        }
        for source in ["&", "& ", "&&", "&;", "&#", "&#;", "&#x", "&#xg;", "&T", "&foo;", "&D & co", "&hell", "&é"] {
            assert!(read(source).is_none(), "{source}");
        }
    }

    #[test]
    fn values_are_read_as_a_browser_reads_them() {
        for (value, decoded) in [
            ("x", "x"),
            ("?a=1&amp;b=2", "?a=1&b=2"),
            ("?a=1&b=2", "?a=1&b=2"),
            ("?a=1&copy=2&copy;", "?a=1&copy=2©"),
            ("&copy", "©"),
            ("&notit;&notin;", "&notit;∉"),
            ("&#x6a;&#97vascript&colon;", "javascript:"),
            ("&#128;&#0;&#xD800;&#x110000;&#99999999999", "€\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("&acE;", "\u{223e}\u{333}"),
            ("&&é&", "&&é&"),
        ] {
            assert_eq!(decode(value), decoded, "{value}");
        }
    }
}
