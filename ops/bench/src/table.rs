//! The rows for people.

use crate::goals::{Bound, Goal};
use crate::report::{Report, Row};

/// Latencies with a column of their own: the beginning of their names.
const LATENCIES: [&str; 3] = ["receive", "last", "ack"];

/// What everything below was measured with, and what the columns are.
pub(crate) fn head(report: &Report) -> String {
    let Report { commit, cores, cpu, repeat, command, .. } = report;
    let columns = line("", "msg/s", "deliver/s", ["receive ms", "last receiver ms", "ack ms"].map(str::to_owned));
    let units = line("", "", "", [(); 3].map(|()| "p50 / p99 / max".to_owned()));
    format!(
        "commit {commit}, {cores} cores ({cpu}), medians of {repeat}\nagain: {command}\n\
         cpu in percent of one core; generator: this program; others: everything else on this machine\n\n{columns}\n{units}"
    )
}

/// One row, its other figures, its CPU and its faults.
pub(crate) fn row(row: &Row) -> String {
    let rate = |name| row.figures.get(name).map_or_else(String::new, |value| grouped(*value));
    let name = format!("{:<11}{}", row.scenario, row.case);
    let latencies = LATENCIES.map(|name| {
        let at = |part: &str| row.figures.get(format!("{name}_{part}_ms").as_str()).map(|value| number(*value));
        [at("p50"), at("p99"), at("max")].into_iter().flatten().collect::<Vec<_>>().join(" / ")
    });
    let mut text = line(&name, &rate("messages_per_s"), &rate("deliveries_per_s"), latencies);
    let shown = |name: &str| {
        name.ends_with("s_per_s") && name != "connections_per_s" || LATENCIES.iter().any(|l| name.starts_with(l))
    };
    let late = row.figure("late_p99_ms");
    let others = row.figures.iter().filter(|(name, _)| !shown(name) && !name.starts_with("late"));
    let mut notes: Vec<String> =
        others.map(|(name, value)| format!("{} {}", name.replace('_', " "), number(*value))).collect();
    if late > 5.0 {
        notes.push(format!("generator late by {} ms (p99)", number(late)));
    }
    let cpu: Vec<String> = row.cpu_percent.iter().map(|(name, percent)| format!("{name} {percent:.0}")).collect();
    let faults = &row.faults;
    let wrong = faults.any().then(|| {
        format!(
            "FAULTS: {} errors, {} missing, {} repeated, {} out of order; {}",
            faults.errors,
            faults.missing,
            faults.repeated,
            faults.disordered,
            faults.samples.first().map_or("", String::as_str)
        )
    });
    let cpu = (!cpu.is_empty()).then(|| format!("cpu %: {}", cpu.join(", ")));
    // Others' time is not for our messages.
    let ours = row.cpu_us_per_message.iter().filter(|(name, _)| *name != "others");
    let each: Vec<String> = ours.clone().map(|(name, us)| format!("{name} {}", number(*us))).collect();
    let each = (!each.is_empty()).then(|| {
        let sum = number(ours.map(|(_, us)| us).sum());
        format!("cpu us/message: {sum} = {}", each.join(" + "))
    });
    let notes = (!notes.is_empty()).then(|| notes.join(", "));
    let goals = (!row.goals.is_empty()).then(|| {
        let goal = |goal: &Goal| {
            let (sign, limit) = match goal.bound {
                Bound::AtMost(limit) => ("<=", limit),
                Bound::AtLeast(limit) => (">=", limit),
            };
            let met = if goal.met { "met" } else { "MISSED" };
            format!("{} {sign} {} {met}", goal.figure.replace('_', " "), number(limit))
        };
        format!("goal: {}", row.goals.iter().map(goal).collect::<Vec<_>>().join(", "))
    });
    for more in [notes, goals, cpu, each, wrong].into_iter().flatten() {
        text.push_str("\n           ");
        text.push_str(&more);
    }
    text
}

/// What to think of all of it.
pub(crate) fn foot(report: &Report) -> String {
    let count = |is: &dyn Fn(&Row) -> bool| report.rows.iter().filter(|row| is(row)).count();
    let disturbed = count(&Row::is_disturbed);
    let missed = count(&|row| row.goals.iter().any(|goal| !goal.met));
    let faulty = count(&|row| row.faults.any());
    let mut text = format!("\n{} rows, {missed} with a goal missed, {faulty} with faults", report.rows.len());
    if disturbed > 0 {
        text.push_str(&format!(
            "\n{disturbed} were measured while other programs were busy: repeat them on a quiet machine"
        ));
    }
    text
}

fn line(name: &str, rate: &str, deliveries: &str, [receive, last, ack]: [String; 3]) -> String {
    let text = format!("{name:<52} {rate:>8} {deliveries:>10}  {receive:<24} {last:<24} {ack}");
    text.trim_end().to_owned()
}

/// To three digits.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

/// Whole, with a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_thousands_are_set_apart() {
        let values = [0.0, 1.234, 12.34, 123.4, 1234.0, 1_234_567.0];
        assert_eq!(values.map(number), ["0", "1.23", "12.3", "123", "1,234", "1,234,567"]);
    }

    #[test]
    fn a_fault_can_not_be_overlooked() {
        let mut faulty = Row::new("pairs", "x");
        assert!(!row(&faulty).contains("FAULTS"));
        faulty.faults.missing = 1;
        assert!(row(&faulty).contains("FAULTS: 0 errors, 1 missing"));
    }
}
