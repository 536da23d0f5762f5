//! The highest rate that is held with p99 below half a second and nothing lost.

use super::Scale;
use crate::load::{Drive, Plan};
use crate::report::Row;
use crate::tally::Body;
use crate::target::Target;

const MOST_P99_MS: f64 = 500.0;
/// A wider window that brings less than this is the last.
const WORTH: f64 = 1.03;

pub(super) async fn all(target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let small = plan("throughput", 20, 10, Body::Plain, scale);
    let mut rows = search(small, &[1, 4, 12, 32, 96], target).await?;
    let best = rows.first().map_or(0.0, |row| row.figure("window"));
    let plain = rows.first().map_or(0.0, |row| row.figure("messages_per_s"));
    let mut html = plan("throughput", 20, 10, Body::Html, scale).with_window(best as u32).run(target).await?;
    html.figures.insert("of_plain_percent", html.figure("messages_per_s") / plain.max(1.0) * 100.0);
    rows.push(html);
    rows.extend(search(plan("throughput", 4, 100, Body::Plain, scale), &[1, 2, 4, 8], target).await?);
    Ok(rows)
}

/// The bare server acknowledges before it delivers: a window does not bound what is on its way, and a wide one makes it
/// drop packets. The windows end before that.
pub(super) async fn echo(target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let mut rows = search(plan("echo", 20, 10, Body::Plain, scale), &[1, 4, 12], target).await?;
    rows.extend(search(plan("echo", 4, 100, Body::Plain, scale), &[1, 2], target).await?);
    Ok(rows)
}

fn plan(scenario: &'static str, rooms: usize, size: usize, body: Body, scale: &Scale) -> Plan {
    let kind = match body {
        Body::Plain => "plain text",
        Body::Html => "HTML",
    };
    Plan {
        scenario,
        case: format!("{rooms} rooms of {size}, {kind}"),
        rooms,
        size,
        senders: size,
        drive: Drive::Window(1),
        body,
        warm_up: Scale::WARM_UP,
        duration: scale.brief(),
    }
}

impl Plan {
    fn with_window(&self, window: u32) -> Self {
        Self { drive: Drive::Window(window.max(1)), ..self.clone() }
    }
}

/// Wider and wider windows until that no longer helps. Gives the best, which is not held if even the first was not,
/// and whatever had faults.
async fn search(plan: Plan, windows: &[u32], target: &Target) -> anyhow::Result<Vec<Row>> {
    let mut best: Option<Row> = None;
    let mut faulty = Vec::new();
    for window in windows {
        let mut row = plan.with_window(*window).run(target).await?;
        row.figures.insert("window", f64::from(*window));
        let (rate, p99) = (row.figure("messages_per_s"), row.figure("receive_p99_ms"));
        eprintln!("  {} {}, window {window}: {rate:.0}/s, p99 {p99:.1} ms", row.scenario, row.case);
        if row.faults.any() {
            row.case = format!("{}, window {window}", row.case);
            faulty.push(row);
            break;
        }
        let so_far = best.as_ref().map_or(0.0, |best| best.figure("messages_per_s"));
        let is_held = p99 < MOST_P99_MS;
        if best.is_none() || (is_held && rate > so_far) {
            row.figures.insert("held", f64::from(is_held));
            best = Some(row);
        }
        if !is_held || rate < so_far * WORTH {
            break;
        }
    }
    Ok(best.into_iter().chain(faulty).collect())
}
