//! `event.exam.graded`: counts results on every board they touch.

use std::collections::{HashMap, HashSet};

use metrics::counter;
use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::UserId;
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::leaderboard::{BoardId, Overtake, PeopleOvertaken, Period, Person, Standing};
use sinaesta_store::StoreError;

use crate::Context;
use crate::domain::calendar::Calendar;
use crate::handlers::changed;
use crate::store::entries::{self, Wanted};
use crate::store::{people, results};

/// Of those whom one person passes, so many are told: the nearest behind.
const MOST_TOLD: u32 = 3;

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
        let mut told = changed(&standings, &shown)?;
        told.extend(self.overtaken(&standings, &shown)?);
        Ok(told)
    }
}

impl Handler {
    /// Those who were passed on the boards of this week: who tells them sees to it that it is not too often.
    fn overtaken(&self, standings: &[Standing], shown: &[Person]) -> Result<Option<Outbound>, Failure> {
        let names: HashMap<UserId, &str> = shown.iter().map(|one| (one.user_id, one.name.as_str())).collect();
        let (index, now) = (&self.0.index, self.0.clock.now());
        let mut overtakes: HashMap<UserId, Overtake> = HashMap::new();
        for one in standings.iter().filter(|one| one.board.period == Period::Weekly && one.exams_completed > 0) {
            for (rank, user_id) in index.passed(one, MOST_TOLD, now) {
                overtakes.entry(user_id).or_insert_with(|| Overtake {
                    user_id,
                    by: one.user_id,
                    by_name: names.get(&one.user_id).map(|name| (*name).to_owned()).unwrap_or_default(),
                    board: one.board.clone(),
                    rank,
                    at: one.reached_at,
                });
            }
        }
        if overtakes.is_empty() {
            return Ok(None);
        }
        let versions = || standings.iter().map(|one| one.version);
        let what = format!("{}-{}", versions().min().unwrap_or_default(), versions().max().unwrap_or_default());
        let event = PeopleOvertaken { overtakes: overtakes.into_values().collect() };
        Ok(Some(Outbound::event(&event)?.identified_by(what)))
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
