//! One file for each thing that can be asked of the service, and for each event it listens to.

pub mod exam_graded;
pub mod find_ranks;
pub mod recompute;
pub mod request_leaderboard;
pub mod tell_board;

use sinaesta_bus::{Failure, Outbound};
use sinaesta_contracts::leaderboard::{Person, Standing, StandingsChanged};

/// How many standings one event carries.
const CHUNK: usize = 2_000;

/// What the replicas are told of standings that were stored.
fn changed(standings: &[Standing], people: &[Person]) -> Result<Vec<Outbound>, Failure> {
    let event = |chunk: &[Standing]| {
        let is_in = |person: &&Person| chunk.iter().any(|one| one.user_id == person.user_id);
        let people =
            if standings.len() <= CHUNK { people.to_vec() } else { people.iter().filter(is_in).cloned().collect() };
        Outbound::event(&StandingsChanged { standings: chunk.to_vec(), people })
    };
    standings.chunks(CHUNK).map(event).collect()
}
