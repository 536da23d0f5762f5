//! The documents, as text.

mod asyncapi;
mod typescript;

use std::error::Error;

/// Every document, by file name.
pub(crate) fn all() -> Result<[(&'static str, String); 2], Box<dyn Error>> {
    Ok([("asyncapi.json", asyncapi::document()?), ("events.ts", typescript::document()?)])
}

/// Rust's links to other items, `` [`Name`] ``, mean nothing outside Rust: only the name stays.
fn without_links(docs: &str) -> String {
    docs.replace("[`", "`").replace("`]", "`")
}
