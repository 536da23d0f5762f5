//! `contract.ts`: the payloads, and the two maps that Socket.IO's `Socket` takes as its parameters.

use std::fmt::{self, Write};

use sinaesta_contracts::catalog::{self, Declarations};
use sinaesta_contracts::code;

use super::without_links;

const HEADER: &str = "\
// Generated from the Rust types in shared/contracts by `cargo xtask codegen`. Do not edit.
//
//   import { io, type Socket } from 'socket.io-client';
//   const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth: { token } });
";

const ACK: &str = "\
/** What an event is acknowledged with: once its effect is durable, or refused. */
export type Ack<Reply = unknown> = ({ ok: true } & Reply) | { ok: false; error: ErrorBody };
";

pub(crate) fn document() -> Result<String, fmt::Error> {
    let (client, server) = (catalog::client_events(), catalog::server_events());
    let mut types = Declarations::default();
    (catalog::failure().declare)(&mut types);
    for entry in &client {
        (entry.payload.declare)(&mut types);
        if let Some(reply) = entry.reply {
            (reply.declare)(&mut types);
        }
    }
    for entry in &server {
        (entry.payload.declare)(&mut types);
    }

    let mut out = format!("{HEADER}\n{ACK}\n/** Stable codes: rely on these, not on the texts beside them. */\n");
    writeln!(out, "export type ErrorCode =")?;
    for (index, (name, meaning)) in code::ALL.iter().enumerate() {
        let end = if index + 1 == code::ALL.len() { ";" } else { "" };
        writeln!(out, "  /** {} */\n  | '{name}'{end}", without_links(meaning.trim()))?;
    }
    for (_, declaration) in types.iter() {
        let (docs, text) = (without_links(&declaration.docs), without_links(&declaration.text));
        write!(out, "\n{}export {}\n", one_line(&docs), one_field_a_line(&text))?;
    }

    out.push_str("\n/** What a client sends; optional only where there is nothing to hear but that it was done. */\n");
    out.push_str("export interface ClientToServerEvents {\n");
    for entry in &client {
        let payload = (entry.payload.typescript)(types.config());
        // Socket.IO's `emitWithAck` takes its result from a callback that is not optional.
        let ack = match entry.reply {
            Some(reply) => format!("ack: (ack: Ack<{}>) => void", (reply.typescript)(types.config())),
            None => "ack?: (ack: Ack) => void".to_owned(),
        };
        writeln!(out, "  '{}': (payload: {payload}, {ack}) => void;", entry.name)?;
    }
    out.push_str("}\n\n/** What a client receives. */\nexport interface ServerToClientEvents {\n");
    for entry in &server {
        writeln!(out, "  '{}': (payload: {}) => void;", entry.name, (entry.payload.typescript)(types.config()))?;
    }
    out.push_str("}\n");
    Ok(out)
}

/// A comment block of one line, on one line.
fn one_line(docs: &str) -> String {
    match docs.trim().strip_prefix("/**\n *").and_then(|rest| rest.strip_suffix("\n */")) {
        Some(text) if !text.contains('\n') => format!("/**{text} */\n"),
        _ => docs.to_owned(),
    }
}

/// An object type with each of its fields, and each field's comment, on a line of its own.
fn one_field_a_line(declaration: &str) -> String {
    let Some((head, fields)) =
        declaration.split_once(" = { ").and_then(|(head, rest)| Some((head, rest.strip_suffix(" };")?)))
    else {
        return declaration.to_owned();
    };
    let mut out = format!("{head} = {{\n");
    let mut rest = fields.trim_start();
    while !rest.is_empty() {
        if let Some((comment, after)) = rest.starts_with("/**").then(|| rest.split_once("*/")).flatten() {
            let comment = one_line(&format!("{comment}*/"));
            comment.trim_end().lines().for_each(|line| out.extend(["  ", line, "\n"]));
            rest = after.trim_start();
            continue;
        }
        let (field, after) = rest.split_at(end_of_field(rest));
        out.extend(["  ", field, ";\n"]);
        rest = after.trim_start_matches(',').trim_start();
    }
    out.push_str("};");
    out
}

/// Where a field's type ends: at the first comma outside brackets.
fn end_of_field(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, character) in text.char_indices() {
        match character {
            '<' | '{' | '[' | '(' => depth += 1,
            '>' | '}' | ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}
