//! A student has a live socket in an exam.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{EnterExam, ParticipantJoinedExam, Participation};
use sinaesta_contracts::{Audience, ExamId};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::deciding::{Batch, Decision};
use crate::domain::presence::{Entered, Presence, Present};
use crate::handlers::{proctors_of, with_last};
use crate::store::sessions::Key;
use crate::store::{exams, participants};
use crate::submission::distinct;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = EnterExam;

    async fn handle(&self, received: &[Received<EnterExam>]) -> Result<Vec<Outcome<Participation>>, Failure> {
        let batch = Batch::new(received)?;
        let of: Vec<_> = batch.commands().iter().map(|one| one.command.exam_id).collect();
        let exam_ids = distinct(of.iter().copied());
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        participants::lock(&mut db, &exam_ids).await?;
        let exams = exams::find(&mut db, &exam_ids).await?;
        let mut counts = participants::counts(&mut db, &exam_ids).await?;
        let mut known = participants::of(&mut db, batch.commands().iter().map(|one| key(one))).await?;
        let mut new = Vec::new();
        let mut decided = Vec::with_capacity(of.len());
        for one in batch.commands() {
            let count = counts.entry(one.command.exam_id).or_default();
            decided.push((one, decide(one, known.entry(key(one)).or_default(), count, &mut new)));
        }
        participants::insert(&mut db, &new).await?;
        let came = decided.iter().filter(|(_, decision)| decision.done().is_some_and(|came| came.is_own));
        let changed: Vec<_> = came.map(|(one, _)| key(one)).collect();
        let proctors = proctors_of(&mut db, &changed, batch.stamped_at()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let has_started = |id| {
            let exam = exams.get(&id);
            exam.is_none_or(|exam| exam.info.scheduled_start.is_none() || exam.started_by.is_some())
        };
        let last = last_of_each(&decided);
        let mut outcomes = Vec::with_capacity(decided.len());
        for (one, decision) in &decided {
            let exam_id = one.command.exam_id;
            let participation =
                |came: &Came| Participation { participant_count: came.count, has_started: has_started(exam_id) };
            let mut outcome = Outcome::from(decision.answer(participation));
            if let Some(came) = decision.done().filter(|came| came.is_first)
                && (came.count <= self.0.settings.announce_limit || last.get(&exam_id) == Some(&one.id))
            {
                let (user_id, user_name) = (one.actor.user_id, one.actor.name.clone());
                let event = ParticipantJoinedExam { exam_id, user_id, user_name, participant_count: came.count };
                outcome.outbound.push(Outbound::deliver(Audience::Exam(exam_id), &event)?.except(user_id));
            }
            outcomes.push(outcome);
        }
        with_last(&mut outcomes, &of, proctors);
        batch.answer(outcomes)
    }
}

fn key(one: &Received<EnterExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

/// What came of an entering.
struct Came {
    /// How many are in the exam then.
    count: u32,
    /// Whether the student was nowhere in the exam before.
    is_first: bool,
    /// Whether it is by this very command that the student is there through the gateway.
    is_own: bool,
}

fn decide(
    one: &Received<EnterExam>,
    presence: &mut Presence,
    count: &mut u32,
    new: &mut Vec<(Key, Present)>,
) -> Decision<Came> {
    let (gateway, name) = (one.command.gateway_id, one.actor.name.clone());
    let present = Present { gateway, name, by: one.id, at: one.stamped_at };
    match presence.enter(present.clone()) {
        Entered::Now { is_first } => {
            new.push((key(one), present));
            *count += u32::from(is_first);
            Decision::Done(Came { count: *count, is_first, is_own: true })
        }
        Entered::Before { is_first } => Decision::Repeat(Came { count: *count, is_first, is_own: true }),
        Entered::NothingNew => Decision::Repeat(Came { count: *count, is_first: false, is_own: false }),
    }
}

/// The last command of each exam that brought somebody.
fn last_of_each(decided: &[(&&Received<EnterExam>, Decision<Came>)]) -> HashMap<ExamId, Uuid> {
    let brought = decided.iter().filter(|(_, decision)| decision.done().is_some_and(|came| came.is_first));
    brought.map(|(one, _)| (one.command.exam_id, one.id)).collect()
}
