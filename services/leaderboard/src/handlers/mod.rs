//! One file for each thing that can be asked of the service, and for each event it listens to.

pub mod exam_graded;
pub mod find_ranks;
pub mod recompute;
pub mod request_leaderboard;
pub mod tell_board;

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{Failure, Outbound};
use sinaesta_contracts::UserId;
use sinaesta_contracts::leaderboard::{Person, Standing, StandingsChanged};

/// How many standings one event carries.
const CHUNK: usize = 2_000;

/// What the replicas are told of standings that were stored.
fn changed(standings: &[Standing], people: &[Person]) -> Result<Vec<Outbound>, Failure> {
    let people: HashMap<UserId, &Person> = people.iter().map(|person| (person.user_id, person)).collect();
    let event = |chunk: &[Standing]| {
        let users: HashSet<UserId> = chunk.iter().map(|one| one.user_id).collect();
        let people = users.iter().filter_map(|user| people.get(user).copied().cloned()).collect();
        // Each change has a version of its own: what is counted again is told again.
        let versions = || chunk.iter().map(|one| one.version);
        let (first, last) = (versions().min().unwrap_or_default(), versions().max().unwrap_or_default());
        let event = StandingsChanged { standings: chunk.to_vec(), people, is_reload: false };
        Ok(Outbound::event(&event)?.identified_by(format!("{first}-{last}.{}", chunk.len())))
    };
    standings.chunks(CHUNK).map(event).collect()
}
