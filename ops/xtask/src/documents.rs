//! The documents name only files and headings that there are: a rename that forgets one fails here.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use regex::Regex;

use crate::step::Step;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents, by their paths from the root.
fn documents() -> Vec<PathBuf> {
    let readmes = ["ops/helm/sinaesta/README.md", "vendor/README.md", "web/realtime/README.md"];
    let mut found: Vec<PathBuf> = readmes.iter().map(PathBuf::from).collect();
    for folder in ["", "docs"] {
        let files = fs::read_dir(root().join(folder)).unwrap();
        let names = files.map(|file| PathBuf::from(file.unwrap().file_name()));
        let documents = names.filter(|name| name.extension().is_some_and(|ending| ending == "md"));
        found.extend(documents.map(|name| Path::new(folder).join(name)));
    }
    found
}

/// A document's lines outside of blocks of code.
fn prose(document: &Path) -> String {
    let (text, mut is_code) = (fs::read_to_string(root().join(document)).unwrap(), false);
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    text.lines().filter(is_prose).collect::<Vec<_>>().join("\n")
}

/// Whether a document has a heading that links name so, as GitHub writes them.
fn has_heading(document: &Path, anchor: &str) -> bool {
    let written = |heading: &str| -> String {
        let kept = |letter: char| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            other => other.is_alphanumeric().then_some(other),
        };
        heading.trim_start_matches('#').trim().to_lowercase().chars().filter_map(kept).collect()
    };
    prose(document).lines().filter(|line| line.starts_with('#')).any(|heading| written(heading) == anchor)
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut broken = Vec::new();
    for document in documents() {
        let text = prose(&document);
        let targets = link.captures_iter(&text).map(|found| found.extract::<1>().1[0]);
        for target in targets.filter(|target| !target.contains(':')) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            let is_there = root().join(&path).exists() && (anchor.is_empty() || has_heading(&path, anchor));
            if !is_there {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_file_that_is_named_by_its_path_exists() {
    let named = Regex::new(r"`((?:services|shared|ops|web|tests|docs|migrations)/[\w./-]+)`").unwrap();
    let mut missing = Vec::new();
    // Those of the past, and of others' folders.
    let others = |document: &PathBuf| document.starts_with("vendor") || document == Path::new("CHANGELOG.md");
    for document in documents().into_iter().filter(|document| !others(document)) {
        let text = prose(&document);
        for path in named.captures_iter(&text).map(|found| found.extract::<1>().1[0]) {
            if !root().join(path).exists() {
                missing.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_step_that_is_named_exists() {
    let named = Regex::new(r"xtask test --only ([a-z0-9,]+)").unwrap();
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        for step in named.captures_iter(&text).flat_map(|found| found.extract::<1>().1[0].split(',')) {
            assert!(Step::from_str(step, false).is_ok(), "{}: there is no step `{step}`", document.display());
        }
    }
}
