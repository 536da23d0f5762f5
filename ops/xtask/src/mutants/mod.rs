//! Planted bugs, and whether the tests notice them.

mod suites;
mod table;

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use regex::Regex;

use crate::workspace::Workspace;
use suites::{Noticed, Suites};
use table::{By, Mutant};

/// How many are tried with each run of all tests.
const SAMPLE: usize = 6;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only bugs whose name this regular expression finds.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
}

/// Tries each bug with the tests that should notice it; fails when one goes through.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    workspace.require_space()?;
    let is_wanted = |one: &&Mutant| options.only.as_ref().is_none_or(|only| only.is_match(one.id));
    let wanted: Vec<&Mutant> = table::all().filter(is_wanted).collect();
    if wanted.is_empty() {
        bail!("no bug has such a name");
    }
    let mut suites = Suites::build(&workspace).await?;
    let result = async {
        suites.control(&wanted).await?;
        try_all(&suites, &wanted).await
    }
    .await;
    suites.stop().await;
    result
}

/// Tries a few, other ones each day. Without a control: all tests have passed just now.
pub(crate) async fn sample(workspace: &Workspace) -> anyhow::Result<()> {
    let drawn = draw(today());
    let suites = Suites::build(workspace).await?;
    let result = try_all(&suites, &drawn).await;
    suites.stop().await;
    result
}

/// Those that are tried on a day. Of those that have tests: the others would not be news.
fn draw(day: u64) -> Vec<&'static Mutant> {
    let place = |one: &&Mutant| {
        let mut hasher = DefaultHasher::new();
        (day, one.id).hash(&mut hasher);
        hasher.finish()
    };
    let mut all: Vec<&Mutant> = table::all().filter(|one| one.by.is_tests()).collect();
    all.sort_unstable_by_key(place);
    all.truncate(SAMPLE);
    all
}

/// Days since 1970.
fn today() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "which bugs are tried goes by the calendar of whoever runs the tests"
    )]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / (24 * 60 * 60)
}

/// What became of a bug.
struct Tried {
    mutant: &'static Mutant,
    noticed: Noticed,
    took: Duration,
}

/// Tries them two at a time, one on each of two cores: whole stacks from one end, unit tests from the other.
async fn try_all(suites: &Suites, wanted: &[&'static Mutant]) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut queue: VecDeque<&Mutant> = wanted.iter().copied().filter(|one| one.by.is_tests()).collect();
    queue.make_contiguous().sort_by_key(|one| matches!(one.by, By::Unit { .. }));
    let queue = Mutex::new(queue);
    let next = |is_first: bool| {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if is_first { queue.pop_front() } else { queue.pop_back() }
    };
    let tried = Mutex::new(Vec::new());
    let lane = async |is_first: bool| {
        while let Some(mutant) = next(is_first) {
            let began = Instant::now();
            let noticed = suites.try_one(mutant).await.with_context(|| mutant.id)?;
            let one = Tried { mutant, noticed, took: began.elapsed() };
            println!("{}", one.row());
            tried.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        }
        anyhow::Ok(())
    };
    tokio::try_join!(lane(true), lane(false))?;
    let tried = tried.into_inner().unwrap_or_else(PoisonError::into_inner);
    verdict(wanted, &tried, began.elapsed())
}

impl Tried {
    fn row(&self) -> String {
        let (id, seconds) = (self.mutant.id, self.took.as_secs_f64());
        let what = match &self.noticed {
            Noticed::By(test) => format!("found by {test}"),
            Noticed::Not { is_met: true } => "NOT found".to_owned(),
            Noticed::Not { is_met: false } => "NOT found: no test comes by it".to_owned(),
            Noticed::Unsure(test) => format!("not tried: without a bug {test} fails"),
        };
        format!("{id:<44} {seconds:>6.1} s  {what}")
    }
}

/// Says what went through and why; fails when something did that somebody could have noticed.
fn verdict(wanted: &[&Mutant], tried: &[Tried], took: Duration) -> anyhow::Result<()> {
    let through = tried.iter().filter(|one| !matches!(one.noticed, Noticed::By(_))).map(|one| one.mutant);
    let through: BTreeSet<String> = through.map(|one| format!("{}: {}", one.id, one.breaks)).collect();
    let mut excused = 0;
    for one in wanted {
        if let By::Nobody(reason) = one.by {
            excused += 1;
            println!("{:<44}           nobody can notice it: {reason}", one.id);
        }
    }
    let found = tried.iter().filter(|one| matches!(one.noticed, Noticed::By(_))).count();
    println!(
        "\n{found} of {} found, {excused} nobody can notice, {} went through, in {:.0} s",
        wanted.len(),
        through.len(),
        took.as_secs_f64()
    );
    if through.is_empty() {
        return Ok(());
    }
    for one in &through {
        println!("  {one}");
    }
    bail!("{} planted bugs went through", through.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_draws_others_and_all_who_draw_on_a_day_the_same() {
        let names = |day| draw(day).iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(names(20_000), names(20_000));
        assert_eq!(names(20_000).len(), SAMPLE);
        let month: BTreeSet<_> = (20_000..20_030).flat_map(names).collect();
        assert!(month.len() > 60, "a month tries {} different ones", month.len());
    }

    #[test]
    fn what_goes_through_is_a_failure_and_what_nobody_can_notice_is_not() {
        const FOUND: Mutant = Mutant { id: "a", breaks: "", by: By::Unit { package: "bus", tests: "x" } };
        const NOBODY: Mutant = Mutant { id: "b", breaks: "", by: By::Nobody("it changes nothing") };
        let tried = |noticed| Tried { mutant: &FOUND, noticed, took: Duration::ZERO };
        let found = [tried(Noticed::By("x".to_owned()))];
        assert!(verdict(&[&FOUND, &NOBODY], &found, Duration::ZERO).is_ok());
        for noticed in [Noticed::Not { is_met: true }, Noticed::Unsure("y".to_owned())] {
            assert!(verdict(&[&FOUND], &[tried(noticed)], Duration::ZERO).is_err());
        }
    }
}
