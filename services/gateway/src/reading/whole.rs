//! Whole numbers as Dart, Kotlin and Lua write them: `5.0`. JSON Schema's integers are such numbers too.

use std::fmt::Write as _;

/// Up to here every whole number has a form of its own as a fraction.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// The same JSON with all its whole numbers written as digits; `None` where they are.
pub(super) fn written_as_digits(json: &str) -> Option<String> {
    let mut written = String::new();
    let (mut copied, mut at, mut is_text) = (0, 0, false);
    while let Some(byte) = json.as_bytes().get(at) {
        let length = match byte {
            b'\\' if is_text => 2,
            b'"' => {
                is_text = !is_text;
                1
            }
            b'-' | b'0'..=b'9' if !is_text => {
                let number = number_at(json, at);
                if let Some(whole) = digits(number) {
                    written.push_str(json.get(copied..at)?);
                    write!(written, "{whole}").ok()?;
                    copied = at + number.len();
                }
                number.len()
            }
            _ => 1,
        };
        at += length.max(1);
    }
    written.push_str(json.get(copied..)?);
    (copied > 0).then_some(written)
}

fn number_at(json: &str, at: usize) -> &str {
    let rest = json.get(at..).unwrap_or_default();
    let end = rest.find(|ch: char| !matches!(ch, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// The whole number that is written as a fraction, if it is one.
pub(super) fn digits(number: &str) -> Option<i64> {
    if !number.contains(['.', 'e', 'E']) {
        return None;
    }
    let value: f64 = serde_json::from_str(number).ok()?;
    (value.fract() == 0.0 && value.abs() <= LARGEST).then_some(value as i64)
}
