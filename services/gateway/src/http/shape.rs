//! Objects are objects: a struct could be read from an array as well, which would make the order of its fields part of the
//! contract.

use serde_json::Value;
use sinaesta_contracts::{ErrorBody, code};

/// Refuses an array in `given` where what was `read` of it is an object.
pub(super) fn check(given: &Value, read: &Value) -> Result<(), ErrorBody> {
    let Some(path) = array_for_object(given, read) else { return Ok(()) };
    let field = path.trim_start_matches('.');
    if field.is_empty() {
        return Err(ErrorBody::new(code::INVALID_PAYLOAD, "The body must be an object"));
    }
    Err(ErrorBody::new(code::INVALID_PAYLOAD, format!("{field}: must be an object")).on_field(field))
}

/// Where that is, as a path.
fn array_for_object(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Array(given), Value::Array(read)) => given
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(index, (given, read))| array_for_object(given, read).map(|rest| format!("[{index}]{rest}"))),
        (Value::Object(given), Value::Object(read)) => given
            .iter()
            .find_map(|(name, given)| array_for_object(given, read.get(name)?).map(|rest| format!(".{name}{rest}"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_array_is_no_object_however_deep_it_stands() {
        let field = |given: Value, read: Value| check(&given, &read).err().map(|error| error.field);
        assert_eq!(field(json!([null]), json!({})), Some(None));
        assert_eq!(
            field(json!({ "a": { "b": [1] } }), json!({ "a": { "b": { "c": 1 } } })),
            Some(Some("a.b".to_owned()))
        );
        assert_eq!(field(json!([{}, { "a": [1] }]), json!([{}, { "a": {} }])), Some(Some("[1].a".to_owned())));
        assert_eq!(field(json!({ "a": [1, 2], "x": [3] }), json!({ "a": [1, 2] })), None);
    }
}
