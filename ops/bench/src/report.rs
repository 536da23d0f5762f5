//! What was measured: rows, their medians, as a table and as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::goals::Goal;

/// From this on, in percent of one core, what others do spoils a row.
const DISTURBING: f64 = 25.0;

/// What went wrong. A row with any fault is no result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Faults {
    /// Refused, failed or unanswered.
    pub(crate) errors: u64,
    /// Deliveries of acknowledged messages that never came.
    pub(crate) missing: u64,
    pub(crate) repeated: u64,
    /// Deliveries whose `seq` did not follow the one before.
    pub(crate) disordered: u64,
    /// The first of the errors, in words.
    pub(crate) samples: Vec<String>,
}

impl Faults {
    const SAMPLES: usize = 3;

    pub(crate) fn error(&mut self, sample: impl Into<String>) {
        self.errors += 1;
        if self.samples.len() < Self::SAMPLES {
            self.samples.push(sample.into().chars().take(300).collect());
        }
    }

    pub(crate) const fn any(&self) -> bool {
        self.errors + self.missing + self.repeated + self.disordered > 0
    }

    fn add(&mut self, other: &Self) {
        self.errors += other.errors;
        self.missing += other.missing;
        self.repeated += other.repeated;
        self.disordered += other.disordered;
        self.samples.extend(other.samples.iter().take(Self::SAMPLES.saturating_sub(self.samples.len())).cloned());
    }
}

/// One case of one scenario.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) case: String,
    /// By name, with the unit in the name.
    pub(crate) figures: BTreeMap<&'static str, f64>,
    /// Percent of one core.
    pub(crate) cpu_percent: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) cpu_us_per_message: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) goals: Vec<Goal>,
    pub(crate) faults: Faults,
}

impl Row {
    pub(crate) fn new(scenario: &'static str, case: impl Into<String>) -> Self {
        Self { scenario, case: case.into(), ..Self::default() }
    }

    pub(crate) fn figure(&self, name: &str) -> f64 {
        self.figures.get(name).copied().unwrap_or(0.0)
    }

    /// Whether other programs took so much of the machine that the figures say little.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.cpu_percent.get("others").is_some_and(|percent| *percent > DISTURBING)
    }

    /// Of the same case measured several times: the median of each figure over those that nothing disturbed, if there
    /// are any, and the faults of all.
    pub(crate) fn median(all: &[Self]) -> Option<Self> {
        let quiet: Vec<&Self> = all.iter().filter(|row| !row.is_disturbed()).collect();
        let rows = if quiet.is_empty() { all.iter().collect() } else { quiet };
        let mut row = (*rows.first()?).clone();
        for (name, value) in &mut row.figures {
            *value = middle(rows.iter().filter_map(|row| row.figures.get(name).copied()));
        }
        for (name, value) in &mut row.cpu_percent {
            *value = middle(rows.iter().filter_map(|row| row.cpu_percent.get(name).copied()));
        }
        row.faults = Faults::default();
        all.iter().for_each(|one| row.faults.add(&one.faults));
        if let Some(rate) = row.figures.get("messages_per_s").filter(|rate| **rate >= 1.0) {
            let each = |(name, percent): (&String, &f64)| (name.clone(), percent / 100.0 / rate * 1e6);
            row.cpu_us_per_message = row.cpu_percent.iter().map(each).collect();
        }
        Some(row)
    }
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    f64::midpoint(lower, upper)
}

/// What the rows were measured with.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// With `+` when there were changes.
    pub(crate) commit: String,
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) repeat: usize,
    /// Measures the same again.
    pub(crate) command: String,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(repeat: usize) -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let command = format!("cargo xtask bench -- {}", args.join(" "));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let command = command.trim_end_matches([' ', '-']).to_owned();
        Self { commit: commit(), cores, cpu: cpu_name(), repeat, command, rows: Vec::new() }
    }

    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        std::fs::write(file, text).with_context(|| format!("{} can't be written", file.display()))
    }

    pub(crate) fn is_faultless(&self) -> bool {
        !self.rows.iter().any(|row| row.faults.any())
    }
}

fn commit() -> String {
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    if changed { format!("{commit}+") } else { commit }
}

fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rate: f64, errors: u64) -> Row {
        let mut row = Row::new("x", "y");
        row.figures.insert("messages_per_s", rate);
        row.cpu_percent.insert("gateway".to_owned(), 50.0);
        row.faults.errors = errors;
        row
    }

    #[test]
    fn a_median_hides_an_outlier_but_no_fault() {
        let median = Row::median(&[row(900.0, 0), row(1000.0, 2), row(5000.0, 1)]).unwrap();
        assert_eq!(median.figure("messages_per_s"), 1000.0);
        assert_eq!(median.cpu_us_per_message["gateway"], 500.0);
        assert_eq!(median.faults.errors, 3);
        assert_eq!(Row::median(&[row(1.0, 0), row(2.0, 0)]).unwrap().figure("messages_per_s"), 1.5);
        assert!(Row::median(&[]).is_none());
    }

    #[test]
    fn what_others_disturbed_counts_only_where_there_is_nothing_else_but_its_faults_always_do() {
        let mut disturbed = row(10.0, 1);
        disturbed.cpu_percent.insert("others".to_owned(), 150.0);
        let median = Row::median(&[disturbed.clone(), row(1000.0, 0), disturbed.clone()]).unwrap();
        assert_eq!((median.figure("messages_per_s"), median.faults.errors), (1000.0, 2));
        assert!(!median.is_disturbed());
        assert_eq!(Row::median(&[disturbed]).unwrap().figure("messages_per_s"), 10.0);
    }
}
