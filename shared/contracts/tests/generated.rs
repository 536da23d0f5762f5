//! The committed documents are those that the types generate, and they cover every event.

#[path = "../examples/generate/documents/mod.rs"]
mod documents;

use std::collections::BTreeSet;
use std::path::Path;

use sinaesta_contracts::catalog;

#[test]
fn the_committed_documents_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in documents::all().unwrap() {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(committed == text, "shared/contracts/{name} is not up to date: run `cargo xtask codegen`");
    }
}

#[test]
fn the_catalogue_names_every_event_that_clients_see() {
    let source = source().unwrap();
    let client: BTreeSet<_> = catalog::client_events().iter().map(|e| (e.payload.schema_name)()).collect();
    let server: BTreeSet<_> = catalog::server_events().iter().map(|e| (e.payload.schema_name)()).collect();
    assert_eq!(implementors(&source, "ClientEvent"), client.iter().map(AsRef::as_ref).collect());
    assert_eq!(implementors(&source, "ServerEvent"), server.iter().map(AsRef::as_ref).collect());
}

#[test]
fn an_event_leads_only_to_events_that_clients_know() {
    let known: BTreeSet<_> = catalog::server_events().iter().map(|e| e.name).collect();
    for entry in catalog::client_events() {
        for (event, _) in entry.leads_to {
            assert!(known.contains(event), "{} leads to {event}, which is not in the catalogue", entry.name);
        }
    }
}

fn source() -> std::io::Result<String> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))?;
    files.map(|file| std::fs::read_to_string(file?.path())).collect()
}

/// The types that implement a trait, read from the source: the compiler keeps no such list.
fn implementors<'a>(source: &'a str, name: &str) -> BTreeSet<&'a str> {
    let head = format!("impl {name} for ");
    source.lines().filter_map(|line| line.strip_prefix(&head)?.split_whitespace().next()).collect()
}
