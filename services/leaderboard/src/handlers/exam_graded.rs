//! `event.exam.graded`: counts results on every board they touch.

use std::collections::{HashMap, HashSet};

use metrics::counter;
use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::leaderboard::{BoardId, Period, Person};
use sinaesta_store::StoreError;

use crate::Context;
use crate::domain::calendar::Calendar;
use crate::handlers::changed;
use crate::store::entries::{self, Wanted};
use crate::store::{people, results};

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = ExamGraded;

    async fn handle(&self, batch: &[Heard<ExamGraded>]) -> Result<Vec<Outbound>, Failure> {
        // A result that was graded anew within the batch counts by its newest key.
        let mut newest = HashMap::new();
        for one in batch {
            let known = newest.entry(one.event.result_id).or_insert(&one.event);
            if known.key_version < one.event.key_version {
                *known = &one.event;
            }
        }
        let graded: Vec<&ExamGraded> = newest.into_values().collect();
        let mut shown: HashMap<_, Person> = HashMap::new();
        for one in graded.iter().map(|one| person(one)) {
            let known = shown.entry(one.user_id).or_insert_with(|| one.clone());
            if known.seen_at < one.seen_at {
                *known = one;
            }
        }
        let shown: Vec<Person> = shown.into_values().collect();
        let wanted: HashSet<Wanted> = graded.iter().flat_map(|one| touched(&self.0.calendar, one)).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let shown = people::hold(&mut db, &shown).await?;
        results::keep(&mut db, &graded).await?;
        let standings = entries::count(&mut db, &wanted).await?;
        db.commit().await.map_err(StoreError::from)?;
        counter!("leaderboard_results_total").increment(graded.len() as u64);
        changed(&standings, &shown)
    }
}

fn person(graded: &ExamGraded) -> Person {
    let (name, avatar) = (graded.user_name.clone(), graded.user_avatar.clone());
    Person { user_id: graded.user_id, name, avatar, seen_at: graded.completed_at }
}

/// The entries that a result counts for: by when the exam was completed, not by when that is heard of.
fn touched<'a>(calendar: &'a Calendar, graded: &'a ExamGraded) -> impl Iterator<Item = Wanted> + 'a {
    let boards = Period::ALL.into_iter().flat_map(|period| [None, Some(&graded.specialty)].map(|name| (period, name)));
    boards.map(|(period, name)| {
        let board = BoardId { period, specialty: name.cloned() };
        Wanted::new(board, calendar.bounds(period, graded.completed_at.0), graded.user_id)
    })
}
