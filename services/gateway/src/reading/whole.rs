//! Whole numbers as Dart, Kotlin and Lua write them: `5.0`. JSON Schema's integers are such numbers too.

use std::fmt::Write as _;

/// Up to here every whole number has a form of its own as a fraction.
const LARGEST: i64 = 9_007_199_254_740_992;

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

/// The whole number that is written as a fraction, if it is one: by its digits, of which a float would keep sixteen.
pub(super) fn digits(number: &str) -> Option<i64> {
    if !number.contains(['.', 'e', 'E']) {
        return None;
    }
    // It is a number as JSON has them.
    serde_json::from_str::<f64>(number).ok()?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |rest| (-1, rest));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // How many zeros follow the significant digits: below none, some of these stand behind the point.
    let behind = all.len() - all.trim_end_matches('0').len();
    let zeros = exponent.parse::<i64>().ok()? + behind as i64 - fraction.len() as i64;
    let zeros = u32::try_from(zeros).ok()?;
    let value = significant.parse::<i64>().ok()?.checked_mul(10_i64.checked_pow(zeros)?)?;
    (value <= LARGEST).then_some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The controls: as floats the first three of those that are none are 5, 0 and 9007199254740992.
    #[test]
    fn a_number_is_whole_by_its_digits() {
        for (text, whole) in [
            ("5.0", 5),
            ("5.000e0", 5),
            ("0.5e1", 5),
            ("1.5E+2", 150),
            ("500e-2", 5),
            ("-12.0", -12),
            ("-0.0", 0),
            ("0e-400", 0),
            ("0.00e5", 0),
            ("90071992547409.92e2", LARGEST),
        ] {
            assert_eq!(digits(text), Some(whole), "{text}");
        }
        for text in [
            "4.99999999999999999999",
            "1e-400",
            "9007199254740992.1",
            "9007199254740993.0",
            "0.5",
            "1e300",
            "1e99999999999999999999",
            "-1.5",
            "5",
            "1.",
            ".0",
            "+5.0",
            "e",
        ] {
            assert_eq!(digits(text), None, "{text}");
        }
    }
}
