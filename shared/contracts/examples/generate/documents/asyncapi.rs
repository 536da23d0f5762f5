//! `asyncapi.json`: AsyncAPI 3.0, from the server's point of view (it receives what clients send).

use std::collections::BTreeMap;
use std::error::Error;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use sinaesta_contracts::catalog::{self, Shape};
use sinaesta_contracts::code;

use super::without_links;

const SCHEMAS: &str = "#/components/schemas/";
const MESSAGES: &str = "#/components/messages/";
const CHANNEL: &str = "#/channels/events";

const ABOUT: &str = "\
Real-time features of a medical exam-preparation platform over Socket.IO v4 (protocol v5).

An AsyncAPI message here is a Socket.IO event: its `name` is the event's name, its payload the one argument that goes \
with it. All events share one connection, so there is one channel. Every client event takes an optional callback as \
its last argument; what it is called with is the operation's reply: `{ ok: true, … }` once the effect is durable, or \
`{ ok: false, error }`. Without a callback a failure arrives as the `error` event. `x-leads-to` lists the server \
events that a client event leads to, and whose sockets hear them.";

const SERVER: &str = "\
Socket.IO v4 clients connect with this address and the default path `/socket.io/`, by WebSocket or HTTP long-polling, \
to the namespace `/`. The token goes into the handshake as `auth.token`, or as `Authorization: Bearer …`. A refused \
handshake is a `connect_error` whose `message` begins with `Authentication error: `.";

/// Schemas by name; refuses two different ones under one name.
#[derive(Default)]
struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    fn take_from(&mut self, mut generator: SchemaGenerator) -> Result<(), Box<dyn Error>> {
        for (name, schema) in generator.take_definitions(true) {
            match self.0.get(&name) {
                Some(known) if *known != schema => {
                    return Err(format!("`{name}` looks different when it is sent and when it is received").into());
                }
                _ => self.0.insert(name, schema),
            };
        }
        Ok(())
    }

    fn summary(&self, shape: Shape) -> String {
        self.0
            .get((shape.schema_name)().as_ref())
            .and_then(|schema| schema.get("description"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}

pub(crate) fn document() -> Result<String, Box<dyn Error>> {
    // What clients send is described as it is read, what they receive as it is written: a field with a
    // default may be left out of the one and is always in the other.
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut reads = settings.clone().for_deserialize().into_generator();
    let mut writes = settings.for_serialize().into_generator();

    let (client, server) = (catalog::client_events(), catalog::server_events());
    let failure = (catalog::failure().schema)(&mut writes);
    let payloads: Vec<_> = client.iter().map(|entry| (entry.payload.schema)(&mut reads)).collect();
    let replies: Vec<_> = client.iter().map(|entry| entry.reply.map(|reply| (reply.schema)(&mut writes))).collect();
    let pushes: Vec<_> = server.iter().map(|entry| (entry.payload.schema)(&mut writes)).collect();
    let mut schemas = Schemas::default();
    schemas.take_from(reads)?;
    schemas.take_from(writes)?;

    let mut messages = Map::new();
    let mut operations = Map::new();
    for ((entry, payload), reply) in client.iter().zip(payloads).zip(replies) {
        let (sent, acknowledged) = (format!("client-{}", entry.name), format!("ack-{}", entry.name));
        let summary = schemas.summary(entry.payload);
        messages.insert(sent.clone(), message(entry.name, &summary, &payload.to_value()));
        let success = success(reply.map(|schema| schema.to_value()));
        let refusal = json!({
            "type": "object",
            "properties": { "ok": { "const": false }, "error": failure },
            "required": ["ok", "error"],
        });
        let title = format!("acknowledgement of {}", entry.name);
        messages.insert(acknowledged.clone(), message(&title, "", &json!({ "oneOf": [success, refusal] })));
        let leads_to: Vec<_> =
            entry.leads_to.iter().map(|(event, hears)| json!({ "event": event, "heardBy": hears.as_str() })).collect();
        operations.insert(
            format!("receive-{}", entry.name),
            json!({
                "action": "receive",
                "summary": summary,
                "channel": { "$ref": CHANNEL },
                "messages": [{ "$ref": in_channel(&sent) }],
                "reply": { "channel": { "$ref": CHANNEL }, "messages": [{ "$ref": in_channel(&acknowledged) }] },
                "x-leads-to": leads_to,
            }),
        );
    }
    for (entry, payload) in server.iter().zip(pushes) {
        let key = format!("server-{}", entry.name);
        let summary = schemas.summary(entry.payload);
        messages.insert(key.clone(), message(entry.name, &summary, &payload.to_value()));
        operations.insert(
            format!("send-{}", entry.name),
            json!({
                "action": "send",
                "summary": summary,
                "channel": { "$ref": CHANNEL },
                "messages": [{ "$ref": in_channel(&key) }],
            }),
        );
    }
    let of_channel: Map<_, _> =
        messages.keys().map(|key| (key.clone(), json!({ "$ref": format!("{MESSAGES}{key}") }))).collect();

    list_codes(&mut schemas);
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sinaesta Realtime",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "development": {
                "host": "localhost:3001",
                "pathname": "/socket.io/",
                "protocol": "ws",
                "description": SERVER,
                "security": [{ "$ref": "#/components/securitySchemes/token" }],
            },
        },
        "channels": {
            "events": {
                "address": "/",
                "title": "Socket.IO namespace `/`",
                "description": "The one namespace. Engine.IO's query parameters are set by every Socket.IO client itself.",
                "messages": of_channel,
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "query": {
                            "type": "object",
                            "properties": {
                                "EIO": { "const": "4", "description": "Engine.IO protocol, version 4." },
                                "transport": { "enum": ["websocket", "polling"] },
                            },
                            "required": ["EIO", "transport"],
                        },
                        "bindingVersion": "0.1.0",
                    },
                },
            },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas.0,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "HS256 unless a public key is configured; `exp` and the user's id are required claims.",
                },
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&tidy(document))?;
    text.push('\n');
    Ok(text)
}

fn in_channel(message: &str) -> String {
    format!("{CHANNEL}/messages/{message}")
}

fn message(name: &str, summary: &str, payload: &Value) -> Value {
    let mut message = json!({ "name": name, "title": name, "payload": payload });
    if let (Some(fields), false) = (message.as_object_mut(), summary.is_empty()) {
        fields.insert("summary".to_owned(), summary.into());
    }
    message
}

/// `ok: true` beside the reply's own fields.
fn success(reply: Option<Value>) -> Value {
    let ok = json!({ "type": "object", "properties": { "ok": { "const": true } }, "required": ["ok"] });
    match reply {
        Some(reply) => json!({ "allOf": [ok, reply] }),
        None => ok,
    }
}

/// The codes that `ErrorBody` and what contains it may have, with their meanings.
fn list_codes(schemas: &mut Schemas) {
    let (codes, meanings): (Vec<_>, Vec<_>) =
        code::ALL.iter().map(|(code, meaning)| (*code, format!("- `{code}`: {}", meaning.trim()))).unzip();
    schemas
        .0
        .insert("ErrorCode".to_owned(), json!({ "type": "string", "enum": codes, "description": meanings.join("\n") }));
    for name in ["ErrorBody", "ErrorEvent"] {
        if let Some(code) = schemas.0.get_mut(name).and_then(|schema| schema.pointer_mut("/properties/code")) {
            *code = json!({ "$ref": format!("{SCHEMAS}ErrorCode") });
        }
    }
}

/// Keys in alphabetical order, whatever the map's own order is, and descriptions without Rust's links.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.into_iter().map(|(key, value)| (key, tidy(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(tidy).collect()),
        Value::String(text) => Value::String(without_links(&text)),
        other => other,
    }
}
