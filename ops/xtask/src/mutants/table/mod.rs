//! Every planted bug: what it breaks, and which tests should notice.

mod boards;
mod bus;
mod chat;
mod doors;
mod exams;
mod gateway;
mod markup;
mod notifications;

/// A bug that is planted once, by its name: `mutant!("<id>")`.
#[derive(Debug)]
pub(super) struct Mutant {
    pub(super) id: &'static str,
    pub(super) breaks: &'static str,
    pub(super) by: By,
}

/// Who should notice.
#[derive(Debug)]
pub(super) enum By {
    /// The tests of a crate whose names contain one of these words.
    Unit { package: &'static str, tests: &'static str },
    /// Those in a file of `tests/client` whose names contain this.
    Client { file: &'static str, test: &'static str },
    /// The reason why nobody can.
    Nobody(&'static str),
}

impl By {
    pub(super) const fn is_tests(&self) -> bool {
        matches!(self, Self::Unit { .. } | Self::Client { .. })
    }
}

const fn mutant(id: &'static str, breaks: &'static str, by: By) -> Mutant {
    Mutant { id, breaks, by }
}

const fn unit(package: &'static str, tests: &'static str) -> By {
    By::Unit { package, tests }
}

const fn client(file: &'static str, test: &'static str) -> By {
    By::Client { file, test }
}

const fn nobody(reason: &'static str) -> By {
    By::Nobody(reason)
}

pub(super) fn all() -> impl Iterator<Item = &'static Mutant> {
    let groups = [
        bus::MUTANTS,
        chat::MUTANTS,
        markup::MUTANTS,
        doors::MUTANTS,
        exams::MUTANTS,
        boards::MUTANTS,
        notifications::MUTANTS,
        gateway::MUTANTS,
    ];
    groups.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use regex::Regex;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// Every Rust file under a folder.
    fn sources(folder: PathBuf) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![folder]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    files.push(path);
                }
            }
        }
        files
    }

    #[test]
    fn each_is_planted_in_one_place_and_whatever_is_planted_is_listed() {
        let planted = Regex::new(r#"mutant!\(\s*"([^"]+)""#).unwrap();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for file in ["services", "shared"].into_iter().flat_map(|folder| sources(root().join(folder))) {
            if file.components().any(|part| part.as_os_str() == "mutants") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            for found in planted.captures_iter(&text) {
                *places.entry(found[1].to_owned()).or_default() += 1;
            }
        }
        let listed: BTreeMap<String, usize> = all().map(|one| (one.id.to_owned(), 1)).collect();
        assert_eq!(listed.len(), all().count(), "a name stands there twice");
        assert_eq!(places, listed);
    }

    #[test]
    fn there_are_a_hundred_and_each_says_what_it_breaks() {
        assert!(all().count() >= 100);
        let name = Regex::new("^[a-z0-9]+(-[a-z0-9]+)+$").unwrap();
        for one in all() {
            assert!(name.is_match(one.id), "{one:?}");
            assert!(one.breaks.len() > 10 && !one.breaks.ends_with('.'), "{one:?}");
            if let By::Nobody(what) = one.by {
                assert!(what.len() > 10, "{one:?}");
            }
        }
    }

    #[test]
    fn the_tests_that_should_notice_are_there() {
        for one in all() {
            match one.by {
                By::Unit { package, tests } => {
                    let folder = ["services", "shared"].map(|parent| root().join(parent).join(package));
                    let folder = folder.into_iter().find(|folder| folder.is_dir()).expect(package);
                    let files = sources(folder);
                    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
                    for word in tests.split(' ') {
                        let (module, name) = word.rsplit_once("::").unwrap_or(("", word));
                        let module = module.replace("::", "/");
                        let has = |file: &PathBuf| file.to_str().unwrap().contains(&module);
                        let is_there = Regex::new(&format!("fn [a-z0-9_]*{name}")).unwrap().is_match(&text);
                        assert!(files.iter().any(has) && (name.is_empty() || is_there), "{}: no test {word}", one.id);
                    }
                }
                By::Client { file, test } => {
                    let text = std::fs::read_to_string(root().join(format!("tests/client/{file}.test.mjs"))).unwrap();
                    let text = text.replace("\\'", "'");
                    // One that is written once for several kinds is named by the kind: `${what}: …`.
                    let is_of_kind = test.split_once(": ").is_some_and(|(kind, name)| {
                        text.contains(&format!("'{kind}'")) && text.contains(&format!("}}: {name}"))
                    });
                    assert!(text.contains(test) || is_of_kind, "{}: no test {test:?} in {file}", one.id);
                }
                By::Nobody(_) => {}
            }
        }
    }
}
