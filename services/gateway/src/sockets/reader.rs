//! From a packet's text to an event's name and payload.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use sinaesta_contracts::{ClientEvent, ErrorBody, code};
use sinaesta_telemetry::TraceContext;

use crate::reading;

/// No event has a longer name, in bytes.
const LONGEST_NAME: usize = 64;

/// An event as it came: its name and its first argument.
pub(crate) struct Packet<'p> {
    pub(crate) name: String,
    pub(crate) payload: Option<&'p RawValue>,
}

/// The name of an event as most clients write it, without reading the rest: `None` if it is written in another way.
pub(crate) fn peek(text: &str) -> Option<&str> {
    let name = text.strip_prefix("[\"")?;
    let end = name.as_bytes().iter().take(LONGEST_NAME).position(|byte| matches!(byte, b'"' | b'\\'))?;
    (name.as_bytes().get(end) == Some(&b'"')).then(|| name.get(..end))?
}

/// Splits `["name", payload, …]`; `None` if that is not what it is.
pub(crate) fn split(text: &str) -> Option<Packet<'_>> {
    let mut parts = serde_json::from_str::<Vec<&RawValue>>(text).ok()?.into_iter();
    let name = serde_json::from_str(parts.next()?.get()).ok()?;
    Some(Packet { name, payload: parts.next() })
}

/// Reads an event's payload. An event without one has an empty one.
pub(crate) fn read<E: ClientEvent>(payload: Option<&RawValue>) -> Result<E, ErrorBody> {
    let text = payload.map_or("{}", RawValue::get);
    // A struct could be read from an array as well, which would make the order of its fields part of the contract.
    if !text.starts_with('{') {
        return Err(ErrorBody::new(code::INVALID_PAYLOAD, "The payload must be an object"));
    }
    reading::parse(text)
}

/// Where the client's trace stands, if the payload says so: `{"metadata":{"traceparent":"00-…"}}`, as W3C Trace Context
/// writes it.
pub(crate) fn trace(payload: Option<&RawValue>) -> TraceContext {
    #[derive(Deserialize)]
    struct Traced {
        metadata: HashMap<String, String>,
    }
    if !sinaesta_telemetry::is_tracing() {
        return TraceContext::default();
    }
    let traced = payload.and_then(|payload| serde_json::from_str::<Traced>(payload.get()).ok());
    let Some(Traced { metadata }) = traced else { return TraceContext::default() };
    TraceContext::received(metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::chat::{JoinRoom, SendMessage};

    use super::*;

    fn field_of<E: ClientEvent>(json: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        match read::<E>(Some(raw)) {
            Ok(_) => panic!("{json} was accepted"),
            Err(error) => error.field,
        }
    }

    #[test]
    fn an_error_names_the_field() {
        assert_eq!(field_of::<JoinRoom>("{}").as_deref(), Some("roomId"));
        assert_eq!(field_of::<JoinRoom>(r#"{"roomId":7}"#).as_deref(), Some("roomId"));
        assert_eq!(field_of::<JoinRoom>(r#"{"roomId":"a b"}"#).as_deref(), Some("roomId"));
        assert_eq!(field_of::<JoinRoom>(r#"{"roomId":"a","sinceSeq":-1}"#).as_deref(), Some("sinceSeq"));
        assert_eq!(field_of::<SendMessage>(r#"{"roomId":"a","message":""}"#).as_deref(), Some("message"));
        assert_eq!(
            field_of::<SendMessage>(r#"{"roomId":"a","message":"x","messageType":"system"}"#).as_deref(),
            Some("messageType")
        );
        assert_eq!(field_of::<JoinRoom>(r#"["room"]"#), None);
        assert_eq!(field_of::<JoinRoom>("null"), None);
    }

    #[test]
    fn a_name_is_seen_without_reading_on() {
        assert_eq!(peek(r#"["join-room",{"roomId":"a"}]"#), Some("join-room"));
        assert_eq!(peek(r#"["heartbeat"]"#), Some("heartbeat"));
        for other in ["", "[", "[]", "[7]", r#"["#, r#"[""#, r#"["a\u0062"]"#, r#"[ "a"]"#, r#"{"a":1}"#] {
            assert_eq!(peek(other), None, "{other}");
        }
        assert_eq!(peek(&format!("[\"{}\"]", "x".repeat(1_000))), None);
    }

    #[test]
    fn a_packet_is_a_name_and_a_payload() {
        let packet = split(r#"["join-room",{"roomId":"a"}]"#).unwrap();
        assert_eq!((packet.name.as_str(), packet.payload.unwrap().get()), ("join-room", r#"{"roomId":"a"}"#));
        assert!(split("[]").is_none() && split("7").is_none() && split("[7]").is_none());
    }
}
