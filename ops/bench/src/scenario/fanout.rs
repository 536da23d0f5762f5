//! Large rooms: one message, many receivers.

use std::time::Duration;

use super::Scale;
use crate::load::{Drive, Plan};
use crate::report::Row;
use crate::tally::Body;
use crate::target::Target;

pub(super) async fn all(target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    let busy = Plan {
        case: "one room of 1,000 at 300/s".to_owned(),
        size: 1_000,
        senders: 10,
        drive: Drive::Rate(300.0),
        duration: scale.duration,
        ..largest("fanout", scale)
    };
    Ok(vec![largest("fanout", scale).run(target).await?, busy.run(target).await?])
}

/// What the library and the machine take for as many receivers.
pub(super) async fn echo(target: &Target, scale: &Scale) -> anyhow::Result<Vec<Row>> {
    Ok(vec![largest("echo", scale).run(target).await?])
}

fn largest(scenario: &'static str, scale: &Scale) -> Plan {
    Plan {
        scenario,
        case: "one room of 2,000 at 10/s".to_owned(),
        rooms: 1,
        size: 2_000,
        senders: 1,
        drive: Drive::Rate(10.0),
        body: Body::Plain,
        warm_up: Scale::WARM_UP,
        // So that p99 is of a hundred messages.
        duration: scale.duration.max(Duration::from_secs(10)),
    }
}
