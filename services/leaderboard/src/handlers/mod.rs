//! One file for each thing that can be asked of the service, and for each event it listens to.

pub mod exam_graded;
pub mod find_ranks;
pub mod recompute;
pub mod request_leaderboard;
pub mod tell_board;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sinaesta_bus::{Failure, Outbound};
use sinaesta_contracts::leaderboard::{Person, Standing, StandingsChanged};
use sinaesta_contracts::{ErrorBody, UserId, code};

use crate::domain::bounds;

/// The answer about a board that is stored and can't be read.
fn unreadable() -> ErrorBody {
    ErrorBody::new(code::UNAVAILABLE, "This board can't be read right now")
}

/// What the replicas are told of standings that were stored: in as many events as it takes for each to be small enough.
/// Each change has a version of its own, by which an event is named: what is counted again is told again under the same
/// name, if it is as it was.
fn changed(standings: &[Standing], people: &[Person]) -> Result<Vec<Outbound>, Failure> {
    let people: HashMap<UserId, &Person> = people.iter().map(|person| (person.user_id, person)).collect();
    let size = |one: &Standing| bytes(one) + people.get(&one.user_id).map_or(0, bytes);
    let event = |chunk: &[Standing]| {
        let mut seen = HashSet::new();
        let users = chunk.iter().map(|one| one.user_id).filter(|user| seen.insert(*user));
        let people = users.filter_map(|user| people.get(&user).copied().cloned()).collect();
        let versions = || chunk.iter().map(|one| one.version);
        let (first, last) = (versions().min().unwrap_or_default(), versions().max().unwrap_or_default());
        let event = StandingsChanged { standings: chunk.to_vec(), people, is_reload: false };
        Ok(Outbound::event(&event)?.identified_by(format!("{first}-{last}.{}", chunk.len())))
    };
    chunks(standings, size).into_iter().map(event).collect()
}

/// Divides things into parts that are small enough for one event; one that is not is a part by itself.
fn chunks<T>(all: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut parts, mut from, mut sum) = (Vec::new(), 0, 0);
    for (at, one) in all.iter().enumerate() {
        let size = size(one);
        if at > from && sum + size > bounds::EVENT {
            parts.extend(all.get(from..at));
            (from, sum) = (at, 0);
        }
        sum += size;
    }
    parts.extend(all.get(from..).filter(|rest| !rest.is_empty()));
    parts
}

/// What something takes in an event, with the comma behind it.
fn bytes<T: Serialize + ?Sized>(one: &T) -> usize {
    serde_json::to_vec(one).map_or(bounds::EVENT, |json| json.len() + 1)
}
