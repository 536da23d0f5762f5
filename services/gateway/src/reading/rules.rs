//! From what a parser says of a value to the rule of the contract that it breaks: who sends it knows neither the parser nor the
//! types of our language.

use std::borrow::Cow;

use sinaesta_contracts::{ErrorBody, code};

/// The rule of texts, and of words of which there are a few.
pub(super) const TEXT: &str = "must be text";

/// What can't be read as JSON at all.
pub(super) fn unreadable(text: &str) -> ErrorBody {
    let reason = match text {
        "number out of range" => "A number in the JSON is too large",
        "recursion limit exceeded" => "The JSON is nested too deeply",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" | "invalid unicode code point" => {
            "A text in the JSON has an escape that is no character"
        }
        _ => "This is not JSON",
    };
    ErrorBody::new(code::INVALID_PAYLOAD, reason)
}

/// What a value at `path` is, for what `serde` says of it.
pub(super) fn describe(path: &str, text: &str) -> ErrorBody {
    for (before, says) in [
        ("missing field `", "is missing"),
        ("unknown field `", "is not known"),
        ("duplicate field `", "stands there twice"),
    ] {
        if let Some((name, _)) = text.strip_prefix(before).and_then(|rest| rest.rsplit_once('`')) {
            // Of an unknown one the others follow, each in its marks.
            let name = name.split_once("`, expected ").map_or(name, |(name, _)| name);
            let field = within(path, name);
            return ErrorBody::new(code::INVALID_PAYLOAD, format!("{field} {says}")).on_field(field);
        }
    }
    broken(path, &rule(text))
}

/// An error that says which rule the value at `path` breaks.
pub(super) fn broken(path: &str, rule: &str) -> ErrorBody {
    match path {
        "." | "?" if rule.starts_with("must ") => ErrorBody::new(code::INVALID_PAYLOAD, format!("The payload {rule}")),
        "." | "?" => ErrorBody::new(code::INVALID_PAYLOAD, rule.to_owned()),
        field => ErrorBody::new(code::INVALID_PAYLOAD, format!("{field}: {rule}")).on_field(field),
    }
}

fn within(path: &str, name: &str) -> String {
    match path {
        "." | "?" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        parent => format!("{parent}.{name}"),
    }
}

fn rule(text: &str) -> Cow<'_, str> {
    if text.starts_with("UUID parsing failed") {
        return "must be a UUID".into();
    }
    let is_of_serde = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"]
        .iter()
        .any(|start| text.starts_with(start));
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if is_of_serde && found.starts_with("unknown variant") => {
            let words = expected.strip_prefix("one of ").unwrap_or(expected);
            format!("must be {}{words}", if words == expected { "" } else { "one of " }).into()
        }
        Some((_, expected)) if is_of_serde => wanted(expected),
        _ if is_of_serde => "is not as it must be".into(),
        // A rule of the contract's own.
        _ => text.into(),
    }
}

/// The rule for what was expected in place of a value.
fn wanted(expected: &str) -> Cow<'static, str> {
    let up_to = |most: u64| format!("must be a whole number from 0 to {most}").into();
    match expected {
        "u8" => up_to(u8::MAX.into()),
        "u16" => up_to(u16::MAX.into()),
        "u32" => up_to(u32::MAX.into()),
        "u64" | "usize" => "must be a whole number of 0 or more".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "must be a whole number".into(),
        "f32" | "f64" | "a JSON number" => "must be a number".into(),
        "a boolean" => "must be true or false".into(),
        "a string" | "a borrowed string" | "string" | "a character" | "string or map" | "variant identifier" => {
            TEXT.into()
        }
        "a sequence" => "must be a list".into(),
        "a map" => "must be an object".into(),
        _ if expected.contains("UUID") => "must be a UUID".into(),
        _ if expected.starts_with("struct ") || expected.contains("tagged enum ") => "must be an object".into(),
        _ if expected.starts_with("an array ") || expected.starts_with("a tuple ") => "must be a list".into(),
        // A rule of the contract's own.
        _ if expected.starts_with("must ") => expected.to_owned().into(),
        _ => "is not as it must be".into(),
    }
}
