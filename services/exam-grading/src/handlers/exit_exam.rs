//! A student's last socket in an exam on a gateway is gone.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{ExitExam, ParticipantLeftExam, Participation};
use sinaesta_contracts::{Audience, ExamId, GatewayId};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::deciding::{Batch, Decision};
use crate::domain::presence::{Departure, Exited, Presence};
use crate::handlers::{proctors_of, with_last};
use crate::store::participants;
use crate::store::sessions::Key;
use crate::submission::distinct;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExitExam;

    async fn handle(&self, received: &[Received<ExitExam>]) -> Result<Vec<Outcome<Participation>>, Failure> {
        let batch = Batch::new(received)?;
        let of: Vec<_> = batch.commands().iter().map(|one| one.command.exam_id).collect();
        let exam_ids = distinct(of.iter().copied());
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        participants::lock(&mut db, &exam_ids).await?;
        let mut counts = participants::counts(&mut db, &exam_ids).await?;
        let mut known = participants::of(&mut db, batch.commands().iter().map(|one| key(one))).await?;
        let (mut gone, mut decided) = (Gone::default(), Vec::with_capacity(of.len()));
        for one in batch.commands() {
            let count = counts.entry(one.command.exam_id).or_default();
            decided.push(decide(one, known.entry(key(one)).or_default(), count, &mut gone));
        }
        participants::depart(&mut db, &gone.into_rows()).await?;
        let own = batch.commands().iter().zip(&decided).filter(|(_, one)| one.done().is_some_and(|left| left.is_own));
        let changed: Vec<_> = own.map(|(one, _)| key(one)).collect();
        let proctors = proctors_of(&mut db, &changed, batch.stamped_at()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let left = batch.commands().iter().zip(&decided).map(|(one, decision)| {
            let left = decision.done().filter(|left| left.was_last);
            left.map(|left| Departed { key: key(one), name: one.actor.name.clone(), count: left.count })
        });
        let announced = announce(&left.collect::<Vec<_>>(), self.0.settings.announce_limit)?;
        let participation = |left: &Left| Participation { participant_count: left.count, has_started: true };
        let outcome = |(decision, event): (&Decision<Left>, Option<Outbound>)| {
            let done = Outcome::from(decision.answer(participation));
            event.into_iter().fold(done, Outcome::and)
        };
        let mut outcomes: Vec<_> = decided.iter().zip(announced).map(outcome).collect();
        with_last(&mut outcomes, &of, proctors);
        batch.answer(outcomes)
    }
}

fn key(one: &Received<ExitExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

/// What came of a leaving.
struct Left {
    /// How many are in the exam then.
    count: u32,
    /// Whether the student is nowhere in the exam any more.
    was_last: bool,
    /// Whether it is by this very command that the student is not there through the gateway.
    is_own: bool,
}

fn decide(one: &Received<ExitExam>, presence: &mut Presence, count: &mut u32, gone: &mut Gone) -> Decision<Left> {
    let nothing = |count| Left { count, was_last: false, is_own: false };
    match presence.exit(one.command.gateway_id, &one.actor.name, one.id, one.stamped_at) {
        Exited::Now(departure) => {
            let was_last = departure.was_last;
            *count = count.saturating_sub(u32::from(was_last));
            gone.add(key(one), departure);
            Decision::Done(Left { count: *count, was_last, is_own: true })
        }
        Exited::Before { was_last } => Decision::Repeat(Left { count: *count, was_last, is_own: true }),
        Exited::NobodyThere(departure) => {
            gone.add(key(one), departure);
            Decision::Done(nothing(*count))
        }
        Exited::NothingNew => Decision::Repeat(nothing(*count)),
    }
}

/// The latest departure of each student from each gateway.
#[derive(Default)]
struct Gone(HashMap<(Key, GatewayId), Departure>);

impl Gone {
    fn add(&mut self, key: Key, departure: Departure) {
        self.0.insert((key, departure.gateway), departure);
    }

    fn into_rows(self) -> Vec<(Key, Departure)> {
        self.0.into_iter().map(|((key, _), departure)| (key, departure)).collect()
    }
}

/// Somebody who left, for the others in the exam.
pub(super) struct Departed {
    pub(super) key: Key,
    pub(super) name: String,
    /// How many remain.
    pub(super) count: u32,
}

/// Announces each who left to the others; in an exam with very many, only the last one of each exam.
pub(super) fn announce(left: &[Option<Departed>], announce_limit: u32) -> Result<Vec<Option<Outbound>>, Failure> {
    let place = |(place, left): (usize, &Option<Departed>)| Some((left.as_ref()?.key.0, place));
    let last: HashMap<ExamId, usize> = left.iter().enumerate().filter_map(place).collect();
    let event = |(place, left): (usize, &Option<Departed>)| {
        let Some(Departed { key: (exam_id, user_id), name, count }) = left else { return Ok(None) };
        if *count >= announce_limit && last.get(exam_id) != Some(&place) {
            return Ok(None);
        }
        let (exam_id, user_id, user_name) = (*exam_id, *user_id, name.clone());
        let event = ParticipantLeftExam { exam_id, user_id, user_name, participant_count: *count };
        Ok(Some(Outbound::deliver(Audience::Exam(exam_id), &event)?.except(user_id)))
    };
    left.iter().enumerate().map(event).collect()
}
