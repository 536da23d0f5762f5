//! The documents, as text.

mod asyncapi;
mod typescript;

use std::error::Error;

/// Every document, by its path from the crate's folder. The web package has the types too: it is published by itself.
pub(crate) fn all() -> Result<[(&'static str, String); 3], Box<dyn Error>> {
    let events = typescript::document()?;
    Ok([
        ("generated/asyncapi.json", asyncapi::document()?),
        ("generated/events.ts", events.clone()),
        ("../../web/realtime/src/contract.ts", events),
    ])
}

/// Rust's links to other items, `` [`Name`] ``, mean nothing outside Rust: only the name stays.
fn without_links(docs: &str) -> String {
    docs.replace("[`", "`").replace("`]", "`")
}
