use std::time::{Duration, Instant};

use clap::ValueEnum;

/// One part of `cargo xtask test`, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Step {
    /// cargo fmt --check
    Fmt,
    /// The build for all the others, linted by Clippy, warnings denied
    Build,
    /// Generated files are those committed
    Codegen,
    /// .sqlx is what the queries and migrations say
    Prepare,
    /// cargo test
    Unit,
    /// The page and its package: lint, types, tests, size
    Web,
    /// Alerts fire when they should; the Helm chart is what Kubernetes takes
    Ops,
    /// The official client against the running platform
    E2e,
    /// A few planted bugs, other ones each day, are noticed by the tests that should
    Mutants,
    /// The page in a browser against the running platform
    Browser,
    /// The official client against the containers of docker-compose.yml; needs Docker
    Compose,
}

impl Step {
    /// Everything but `prepare`, which compiles the workspace once more, and `compose`, which builds images.
    pub(crate) const USUAL: [Self; 9] = [
        Self::Fmt,
        Self::Build,
        Self::Codegen,
        Self::Unit,
        Self::Web,
        Self::Ops,
        Self::E2e,
        Self::Mutants,
        Self::Browser,
    ];

    /// The steps wanted, each once and in their order.
    pub(crate) fn in_order(only: &[Self]) -> Vec<Self> {
        let mut steps = if only.is_empty() { Self::USUAL.to_vec() } else { only.to_vec() };
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// What has been run, and how long it took.
#[derive(Debug, Default)]
pub(crate) struct Summary(Vec<(String, Outcome)>);

#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

impl Summary {
    pub(crate) async fn add(
        &mut self,
        name: &str,
        work: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        crate::say::doing(name);
        let started = Instant::now();
        let result = work.await;
        let took = started.elapsed();
        let outcome = if result.is_ok() { Outcome::Passed(took) } else { Outcome::Failed(took) };
        self.0.push((name.to_owned(), outcome));
        result
    }

    pub(crate) fn not_run(&mut self, name: &str) {
        self.0.push((name.to_owned(), Outcome::NotRun));
    }

    pub(crate) fn table(&self) -> String {
        let row = |(name, outcome): &(String, Outcome)| match outcome {
            Outcome::Passed(took) => format!("{name:<10} passed   {:>7.1} s\n", took.as_secs_f64()),
            Outcome::Failed(took) => format!("{name:<10} FAILED   {:>7.1} s\n", took.as_secs_f64()),
            Outcome::NotRun => format!("{name:<10} not run\n"),
        };
        self.0.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_in_their_order_however_they_are_named() {
        let asked = [Step::Unit, Step::Fmt, Step::Unit];
        assert_eq!(Step::in_order(&asked), [Step::Fmt, Step::Unit]);
        assert_eq!(Step::in_order(&[]), Step::USUAL);
    }

    #[tokio::test]
    async fn the_table_says_what_passed_failed_and_was_not_run() {
        let mut summary = Summary::default();
        summary.add("fmt", async { Ok(()) }).await.unwrap();
        summary.add("build", async { anyhow::bail!("no") }).await.unwrap_err();
        summary.not_run("unit");
        let table = summary.table();
        let words: Vec<_> = table.lines().map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(words, [Some("passed"), Some("FAILED"), Some("not")]);
    }
}
