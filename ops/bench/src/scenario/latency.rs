//! How long a message takes at a rate that everything bears easily.

use super::Scale;
use crate::load::{Drive, Plan};
use crate::report::Row;
use crate::tally::Body;
use crate::target::Target;

pub(super) async fn pairs(scenario: &'static str, target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    Ok(vec![plan(scenario, 25, 2, 50.0, scale).run(target).await?])
}

pub(super) async fn rooms10(scenario: &'static str, target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let calm = plan(scenario, 10, 10, 50.0, scale).run(target).await?;
    Ok(vec![calm, plan(scenario, 10, 10, 480.0, scale).run(target).await?])
}

/// Everybody sends in turn.
fn plan(scenario: &'static str, rooms: usize, size: usize, rate: f64, scale: &Scale) -> Plan {
    Plan {
        scenario,
        case: format!("{rooms} rooms of {size} at {rate}/s"),
        rooms,
        size,
        senders: size,
        drive: Drive::Rate(rate),
        body: Body::Plain,
        warm_up: Scale::WARM_UP,
        duration: scale.duration,
    }
}
