//! The documents, as text.

mod asyncapi;
mod typescript;

use std::error::Error;
use std::path::Path;

/// Every document, by its path from the crate's folder. The types are the web package's: it publishes them.
pub(crate) fn all() -> Result<[(&'static str, String); 5], Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let permissions = sinaesta_contracts::rights::nats_configuration();
    Ok([
        ("generated/asyncapi.json", asyncapi::document()?),
        ("../../web/realtime/src/contract.ts", typescript::document()?),
        ("../../ops/nats/permissions.conf", permissions.clone()),
        // A chart reads only files that are its own.
        ("../../ops/helm/sinaesta/files/permissions.conf", permissions),
        (
            "../../ops/helm/sinaesta/files/alerts.yml",
            std::fs::read_to_string(folder.join("../../ops/prometheus/alerts.yml"))?,
        ),
    ])
}

/// Rust's links to other items, `` [`Name`] ``, mean nothing outside Rust: only the name stays.
fn without_links(docs: &str) -> String {
    docs.replace("[`", "`").replace("`]", "`")
}
