//! `event.exam.graded`: counts results on every board they touch.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use metrics::counter;
use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::leaderboard::{BoardId, Overtake, PeopleOvertaken, Period, Person, Standing};
use sinaesta_contracts::{ResultId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::OffsetDateTime;

use crate::context::Context;
use crate::domain::bounds;
use crate::domain::calendar::Calendar;
use crate::handlers::{bytes, changed, chunks};
use crate::store::entries::{self, Counted, Wanted};
use crate::store::{people, results};

/// Of those whom one person passes, so many are told: the nearest behind.
const MOST_TOLD: u32 = 3;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = ExamGraded;

    async fn handle(&self, batch: &[Heard<ExamGraded>]) -> Result<Vec<Outbound>, Failure> {
        // A result that was graded anew within the batch counts by its newest key.
        let mut newest: HashMap<ResultId, &Heard<ExamGraded>> = HashMap::new();
        for one in batch {
            let known = newest.entry(one.event.result_id).or_insert(one);
            if known.event.key_version < one.event.key_version && !mutant!("board-takes-the-older-key") {
                *known = one;
            }
        }
        let mut graded: Vec<&Heard<ExamGraded>> = newest.into_values().collect();
        graded.sort_unstable_by_key(|one| one.event.result_id);
        let shown = shown(batch);
        let mut wanted: HashMap<Wanted, OffsetDateTime> = HashMap::new();
        for one in &graded {
            for entry in touched(&self.0.calendar, &one.event) {
                let at = wanted.entry(entry).or_insert(one.stamped_at);
                *at = one.stamped_at.max(*at);
            }
        }
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let shown = people::hold(&mut db, &shown).await?;
        results::keep(&mut db, &graded.iter().map(|one| &one.event).collect::<Vec<_>>()).await?;
        let counted = entries::count(&mut db, &wanted).await?;
        let commit = db.commit();
        mutant!("board-told-before-its-commit", drop(tokio::spawn(commit)), commit.await.map_err(StoreError::from)?);
        counter!("leaderboard_results_total").increment(graded.len() as u64);
        let standings: Vec<Standing> = counted.iter().map(|one| one.standing.clone()).collect();
        let mut told = changed(&standings, &shown)?;
        told.extend(self.overtaken(&counted, &shown)?);
        Ok(told)
    }
}

impl Handler {
    /// Those who were passed on the boards of the week in which a result was stored: who tells them sees to it that it is
    /// not too often.
    fn overtaken(&self, counted: &[Counted], shown: &[Person]) -> Result<Vec<Outbound>, Failure> {
        let names: HashMap<UserId, &str> = shown.iter().map(|one| (one.user_id, one.name.as_str())).collect();
        let mut seen: HashSet<UserId> = HashSet::new();
        let mut overtakes: Vec<Overtake> = Vec::new();
        for Counted { standing: one, at, moved_from } in counted {
            let Some(old) = moved_from.filter(|_| {
                (one.board.period == Period::Weekly || mutant!("board-overtaken-on-all-boards"))
                    && one.exams_completed > 0
            }) else {
                continue;
            };
            let passed = self.0.index.passed(one, old, MOST_TOLD, *at);
            for (rank, user_id) in passed.into_iter().filter(|(_, user)| seen.insert(*user)) {
                let by_name = names.get(&one.user_id).map(|name| (*name).to_owned()).unwrap_or_default();
                let (by, board, at) = (one.user_id, one.board.clone(), one.reached_at);
                overtakes.push(Overtake { user_id, by, by_name, board, rank, at });
            }
        }
        let versions = || counted.iter().map(|one| one.standing.version);
        let what = format!("{}-{}", versions().min().unwrap_or_default(), versions().max().unwrap_or_default());
        let event = |(number, chunk): (usize, &[Overtake])| {
            let event = PeopleOvertaken { overtakes: chunk.to_vec() };
            Ok(Outbound::event(&event)?.identified_by(format!("{what}.{number}")))
        };
        chunks(&overtakes, bytes).into_iter().enumerate().map(event).collect()
    }
}

/// How those in a batch are shown: as their latest exam says, and of those that ended at once the first.
fn shown(batch: &[Heard<ExamGraded>]) -> Vec<Person> {
    let mut shown: BTreeMap<UserId, Person> = BTreeMap::new();
    for one in batch.iter().map(|one| person(&one.event)) {
        match shown.entry(one.user_id) {
            Entry::Vacant(place) => drop(place.insert(one)),
            Entry::Occupied(mut known) if known.get().seen_at < one.seen_at => drop(known.insert(one)),
            Entry::Occupied(_) => {}
        }
    }
    shown.into_values().collect()
}

fn person(graded: &ExamGraded) -> Person {
    let (name, avatar) = (graded.user_name.clone(), graded.user_avatar.clone());
    bounds::person(Person { user_id: graded.user_id, name, avatar, seen_at: graded.completed_at })
}

/// The entries that a result counts for: by when the exam was completed, not by when that is heard of.
fn touched<'a>(calendar: &'a Calendar, graded: &'a ExamGraded) -> impl Iterator<Item = Wanted> + 'a {
    let specialty = bounds::specialty(&graded.specialty);
    let boards = Period::ALL.into_iter().flat_map(move |period| {
        [None].into_iter().chain(specialty.map(Some)).map(move |name| (period, name.map(str::to_owned)))
    });
    boards.map(|(period, specialty)| {
        let board = BoardId { period, specialty };
        Wanted::new(board, calendar.bounds(period, graded.completed_at.0), graded.user_id)
    })
}
