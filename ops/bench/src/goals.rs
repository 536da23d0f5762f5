//! How fast it has to be. The goals of latency are read beside what the parts cost alone in the same run.

use serde::Serialize;

use crate::report::Row;

/// One figure's bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Goal {
    pub(crate) figure: &'static str,
    pub(crate) bound: Bound,
    pub(crate) met: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// What is allowed on top of the sum of the parts, in ms.
const OVERHEAD_MS: f64 = 0.5;

/// The goals of a row; `measured` are the rows before it.
pub(crate) fn of(row: &Row, measured: &[Row]) -> Vec<Goal> {
    let case = row.case.as_str();
    let bounds = match row.scenario {
        "pairs" | "rooms10" if case.ends_with("at 50/s") => parts(row, measured),
        "rooms10" => vec![("receive_p50_ms", AtMost(2.0)), ("receive_p99_ms", AtMost(5.0))],
        "throughput" if case.ends_with("HTML") => vec![("of_plain_percent", AtLeast(80.0))],
        "throughput" if case.starts_with("20") => rates(20_000.0, 200_000.0),
        "throughput" => rates(5_000.0, 500_000.0),
        "fanout" if case.contains("2,000") => vec![("last_p50_ms", AtMost(10.0)), ("last_p99_ms", AtMost(25.0))],
        "fanout" => vec![("receive_p99_ms", AtMost(25.0))],
        "connect" => vec![("connections_per_s", AtLeast(10_000.0 / 3.0)), ("refused", AtMost(0.0))],
        "exam-rush" => vec![("all_completed_s", AtMost(2.0)), ("wrong_scores", AtMost(0.0))],
        "leaderboard" if case.ends_with("read") => vec![("bytes_per_entry", AtMost(250.0))],
        "leaderboard" if case.starts_with("top 50") => vec![("ack_p99_ms", AtMost(3.0))],
        "leaderboard" => vec![("messages_per_s", AtLeast(50_000.0))],
        "idle" => vec![("kib_per_connection", AtMost(20.0))],
        _ => Vec::new(),
    };
    let goal = |(figure, bound)| {
        let value = row.figures.get(figure).copied();
        let met = value.is_some_and(|value| match bound {
            AtMost(limit) => value <= limit,
            AtLeast(limit) => value >= limit,
        });
        Goal { figure, bound, met }
    };
    bounds.into_iter().map(goal).collect()
}

fn rates(messages: f64, deliveries: f64) -> Vec<(&'static str, Bound)> {
    vec![("held", AtLeast(1.0)), ("messages_per_s", AtLeast(messages)), ("deliveries_per_s", AtLeast(deliveries))]
}

/// The sum of what the library, a commit and a publish cost; nothing where they were not measured.
fn parts(row: &Row, measured: &[Row]) -> Vec<(&'static str, Bound)> {
    let find = |scenario, figure, case: Option<&str>| {
        let found = measured.iter().find(|one| one.scenario == scenario && case.is_none_or(|case| one.case == case));
        found?.figures.get(figure).copied()
    };
    let echo = find("echo", "receive_p50_ms", Some(&row.case));
    // Beside this very load, where it was measured: it depends on how busy the machine is.
    let meanwhile = row.figures.get("commit_meanwhile_p50_ms").copied();
    let commit = meanwhile.or_else(|| find("commit", "ack_p50_ms", None));
    let sum = echo.zip(commit).zip(find("broker", "ack_p50_ms", None));
    let p50 = sum.map(|((echo, commit), broker)| ("receive_p50_ms", AtMost(echo + commit + broker + OVERHEAD_MS)));
    let p99 = ("receive_p99_ms", AtMost(3.0 * row.figure("receive_p50_ms")));
    p50.into_iter().chain([p99]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(scenario: &'static str, case: &str, figures: &[(&'static str, f64)]) -> Row {
        let mut row = Row::new(scenario, case);
        row.figures.extend(figures.iter().copied());
        row
    }

    #[test]
    fn latency_is_held_against_the_sum_of_the_parts() {
        let parts = [
            row("commit", "x", &[("ack_p50_ms", 1.0)]),
            row("broker", "x", &[("ack_p50_ms", 0.25)]),
            row("echo", "another", &[("receive_p50_ms", 9.0)]),
            row("echo", "25 rooms of 2 at 50/s", &[("receive_p50_ms", 0.25)]),
        ];
        let pairs = row("pairs", "25 rooms of 2 at 50/s", &[("receive_p50_ms", 2.5), ("receive_p99_ms", 7.0)]);
        let [p50, p99] = of(&pairs, &parts).try_into().unwrap();
        assert_eq!((p50.bound, p50.met), (AtMost(2.0), false));
        assert_eq!((p99.bound, p99.met), (AtMost(7.5), true));
        assert_eq!(of(&pairs, &[]).len(), 1);

        let mut slow_disk = pairs;
        slow_disk.figures.insert("commit_meanwhile_p50_ms", 4.0);
        assert_eq!(of(&slow_disk, &parts)[0].bound, AtMost(5.0));
    }

    #[test]
    fn a_figure_that_is_absent_meets_nothing() {
        assert!(!of(&row("idle", "x", &[]), &[])[0].met);
    }
}
