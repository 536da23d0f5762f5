//! The tests that should notice bugs: built once, run in part.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::bail;
use regex::Regex;
use serde::Deserialize;
use tokio::process::Command;

use super::table::{By, Mutant};
use crate::e2e::Client;
use crate::run::{self, Captured};
use crate::test::{self, ScratchPostgres};
use crate::workspace::Workspace;
use crate::{cargo, say};

/// A bug may make a test wait for ever.
const LONGEST: Duration = Duration::from_secs(100);
/// All that should notice anything in one crate, or one file of the client's tests.
const LONGEST_CONTROL: Duration = Duration::from_secs(900);
/// How much of a failing control is shown.
const SHOWN: usize = 60;

/// The tests that are wanted of each crate, or of each file.
type Wanted<'m> = BTreeMap<&'m str, BTreeSet<&'m str>>;

/// What noticed a bug.
pub(super) enum Noticed {
    By(String),
    Not {
        is_met: bool,
    },
    /// The tests are no use: this one fails without any bug.
    Unsure(String),
}

/// Everything that is needed to run a part of the tests.
pub(super) struct Suites {
    /// The test programs of all crates, with the folder of the crate that each is of.
    programs: Vec<(PathBuf, PathBuf)>,
    client: Client,
    environment: [(&'static str, OsString); 3],
    database: ScratchPostgres,
    /// What fails without any bug, by the crate or the file.
    broken: BTreeMap<String, String>,
}

/// What cargo says of something it built.
#[derive(Deserialize)]
struct Built {
    manifest_path: Option<PathBuf>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Built {
    /// The test program, with the folder of its crate.
    fn program(self) -> Option<(PathBuf, PathBuf)> {
        self.profile.filter(|profile| profile.test)?;
        Some((self.manifest_path?.parent()?.to_path_buf(), self.executable?))
    }
}

impl Suites {
    /// Builds all of it, and starts a Postgres for the unit tests.
    pub(super) async fn build(workspace: &Workspace) -> anyhow::Result<Self> {
        let mut build = cargo::for_tests(workspace, cargo::BUILD_ALL);
        build.args(["--message-format", "json-render-diagnostics"]);
        let built = build.stderr(Stdio::inherit()).output().await?;
        if !built.status.success() {
            bail!("the tests can't be built");
        }
        let lines = built.stdout.split(|byte| *byte == b'\n');
        let programs = lines.filter_map(|line| serde_json::from_slice::<Built>(line).ok()?.program()).collect();
        let client = Client::prepare(workspace).await?;
        let database = ScratchPostgres::start(workspace).await?;
        let environment = test::environment(workspace, &database).await?;
        Ok(Self { programs, client, environment, database, broken: BTreeMap::new() })
    }

    pub(super) async fn stop(self) {
        self.database.stop().await;
    }

    /// Runs what should notice any of them without a bug. What does not pass is of no use to tell whether a bug was noticed.
    pub(super) async fn control(&mut self, mutants: &[&Mutant]) -> anyhow::Result<()> {
        let (mut units, mut files) = (Wanted::new(), Wanted::new());
        for one in mutants {
            match one.by {
                By::Unit { package, tests } => units.entry(package).or_default().extend(tests.split(' ')),
                By::Client { file, test } => drop(files.entry(file).or_default().insert(test)),
                By::Nobody(_) => {}
            }
        }
        for (package, filters) in units {
            let filters: Vec<&str> = filters.into_iter().collect();
            let commands = self.unit(package, &filters)?;
            self.try_without(package, commands, &filters).await?;
        }
        for (file, tests) in files {
            let tests: Vec<&str> = tests.into_iter().collect();
            let commands = vec![self.client(file, &tests)];
            self.try_without(file, commands, &tests).await?;
        }
        Ok(())
    }

    /// Runs tests without a bug: each has to pass, and each that is wanted has to be there.
    async fn try_without(&mut self, what: &str, commands: Vec<Command>, wanted: &[&str]) -> anyhow::Result<()> {
        say::doing(&format!("without a bug: {what}"));
        let mut passed = Vec::new();
        for command in commands {
            let captured = run::captured(command, LONGEST_CONTROL).await?;
            if !captured.has_passed {
                let lines: Vec<&str> = captured.output.lines().collect();
                println!("{}", lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n"));
                self.broken.insert(what.to_owned(), noticed_by(&captured));
                return Ok(());
            }
            passed.extend(names(&captured.output, true));
        }
        if let Some(name) = missing(&passed, wanted) {
            self.broken.insert(what.to_owned(), format!("{name}, which is not there"));
        }
        Ok(())
    }

    /// Runs the tests that should notice a bug, with it.
    pub(super) async fn try_one(&self, mutant: &Mutant) -> anyhow::Result<Noticed> {
        let commands = match mutant.by {
            By::Unit { package, tests } => self.unit(package, &tests.split(' ').collect::<Vec<_>>())?,
            By::Client { file, test } => vec![self.client(file, &[test])],
            By::Nobody(_) => Vec::new(),
        };
        if let By::Unit { package: of, .. } | By::Client { file: of, .. } = &mutant.by
            && let Some(test) = self.broken.get(*of)
        {
            return Ok(Noticed::Unsure(test.clone()));
        }
        let folder = tempfile::tempdir()?;
        let met = folder.path().join("met");
        for mut command in commands {
            command.env("SINAESTA_MUTANT", mutant.id).env("SINAESTA_MUTANT_MET", &met);
            // What a property test finds with a bug says nothing of the code without it.
            command.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
            let captured = run::captured(command, LONGEST).await?;
            if !captured.has_passed {
                return Ok(Noticed::By(noticed_by(&captured)));
            }
        }
        Ok(Noticed::Not { is_met: met.exists() })
    }

    /// The test programs of a crate, for the tests whose names contain one of the filters.
    fn unit(&self, package: &str, filters: &[&str]) -> anyhow::Result<Vec<Command>> {
        let is_of = |folder: &PathBuf| folder.ends_with(package);
        let of = self.programs.iter().filter(|(folder, _)| is_of(folder));
        let commands: Vec<Command> = of
            .map(|(folder, program)| {
                let mut command = Command::new(program);
                command.args(filters).current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
                command.envs(self.environment.iter().map(|(name, value)| (name, value)));
                command
            })
            .collect();
        if commands.is_empty() {
            bail!("no crate {package} has tests");
        }
        Ok(commands)
    }

    /// A file of the client's tests, for the tests whose names contain one of these.
    fn client(&self, file: &str, tests: &[&str]) -> Command {
        let mut args = vec!["--test-reporter=tap".to_owned()];
        args.extend(tests.iter().map(|test| format!("--test-name-pattern={}", regex::escape(test))));
        args.push(format!("{file}.test.mjs"));
        self.client.test(&args, 1)
    }
}

/// One of the names that is in that of no test.
fn missing<'w>(passed: &[String], wanted: &[&'w str]) -> Option<&'w str> {
    wanted.iter().find(|name| !passed.iter().any(|test| test.contains(**name))).copied()
}

/// The first test that failed; or how else the program ended.
fn noticed_by(captured: &Captured) -> String {
    let failed = names(&captured.output, false).into_iter().next();
    let otherwise = if captured.is_over_time { "never ending" } else { "the end of the process" };
    failed.unwrap_or_else(|| otherwise.to_owned())
}

/// The tests that passed, or those that failed, as Rust and as Node write them.
fn names(output: &str, passed: bool) -> Vec<String> {
    let (rust, node) = if passed {
        (r"^test (\S+)(?: - should panic)? \.\.\. ok$", r"^ *ok \d+ - (.+?)(?: # SKIP.*)?$")
    } else {
        (r"^test (\S+)(?: - should panic)? \.\.\. FAILED$", r"^ *not ok \d+ - (.+)$")
    };
    let patterns: Vec<Regex> = [rust, node].iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    let name =
        |line| patterns.iter().find_map(|pattern| pattern.captures(line)?.get(1)).map(|name| name.as_str().to_owned());
    // A file is a test to Node, too.
    output.lines().filter_map(name).filter(|name| !name.ends_with(".mjs")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_passed_and_who_failed_is_read_as_rust_and_as_node_write_it() {
        let rust = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed";
        assert_eq!((names(rust, true), names(rust, false)), (vec!["a::b".to_owned()], vec!["a::c".to_owned()]));
        let node = "TAP version 13\n    # Subtest: it's a door\n    ok 1 - it's a door\n    not ok 2 - a room\n\
                    not ok 1 - /tests/chat.test.mjs";
        assert_eq!(
            (names(node, true), names(node, false)),
            (vec!["it's a door".to_owned()], vec!["a room".to_owned()])
        );
    }

    #[test]
    fn a_test_that_is_not_there_is_missed() {
        let passed = ["doors::one_and_another".to_owned()];
        assert_eq!(missing(&passed, &["doors", "another"]), None);
        assert_eq!(missing(&passed, &["doors", "gone"]), Some("gone"));
    }
}
