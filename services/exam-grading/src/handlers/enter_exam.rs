//! A student has a live socket in an exam.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{EnterExam, ParticipantJoinedExam, Participation};
use sinaesta_contracts::{Audience, ExamId};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::handlers::{to_proctors, with_last};
use crate::store::participants::{self, Present};
use crate::store::sessions::Key;
use crate::store::{exams, sessions};
use crate::submission::distinct;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = EnterExam;

    async fn handle(&self, batch: &[Received<EnterExam>]) -> Result<Vec<Outcome<Participation>>, Failure> {
        let context = &self.0;
        let exam_ids = distinct(batch.iter().map(|one| one.command.exam_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let exams = exams::find(&mut db, &exam_ids).await?;
        let mut counts = participants::counts(&mut db, &exam_ids).await?;
        let mut present = participants::of(&mut db, batch.iter().map(key)).await?;
        let mut new = Vec::new();
        let mut came = Vec::with_capacity(batch.len());
        for one in batch {
            let here = present.entry(key(one)).or_default();
            let count = counts.entry(one.command.exam_id).or_default();
            came.push((note(one, here, count, &mut new), *count));
        }
        participants::insert(&mut db, &new).await?;
        let held = sessions::hold(&mut db, new.iter().map(|one| one.key)).await?;
        let proctors = to_proctors(context, &mut db, &held.values().collect::<Vec<_>>()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let last = last_of_each(batch, &came);
        let outcome = |(one, (is_new, count)): (&Received<EnterExam>, (bool, u32))| {
            let exam = exams.get(&one.command.exam_id);
            let has_started = exam.is_none_or(|exam| exam.info.scheduled_start.is_none() || exam.started_by.is_some());
            let done = Outcome::done(Participation { participant_count: count, has_started });
            let is_told = count <= context.settings.announce_limit || last.get(&one.command.exam_id) == Some(&one.id);
            if !(is_new && is_told) {
                return Ok(done);
            }
            let event = ParticipantJoinedExam {
                exam_id: one.command.exam_id,
                user_id: one.actor.user_id,
                user_name: one.actor.name.clone(),
                participant_count: count,
            };
            Ok(done.and(Outbound::deliver(Audience::Exam(event.exam_id), &event)?.except(event.user_id)))
        };
        let outcomes: Result<_, Failure> = batch.iter().zip(came).map(outcome).collect();
        Ok(with_last(outcomes?, proctors))
    }
}

fn key(one: &Received<EnterExam>) -> Key {
    (one.command.exam_id, one.actor.user_id)
}

/// Notes somebody who came; gives whether they are new. A repeat of the command that brought them is as it was.
fn note(one: &Received<EnterExam>, here: &mut Vec<Present>, count: &mut u32, new: &mut Vec<Present>) -> bool {
    let is_repeat = here.len() == 1 && here.iter().all(|present| present.by == one.id);
    let is_new = here.is_empty();
    if !here.iter().any(|present| present.gateway == one.command.gateway_id) {
        let (gateway, name) = (one.command.gateway_id, one.actor.name.clone());
        let present = Present { key: key(one), gateway, name, by: one.id, at: one.stamped_at };
        here.push(present.clone());
        new.push(present);
    }
    *count += u32::from(is_new);
    is_new || is_repeat
}

/// The last command of each exam that brought somebody new.
fn last_of_each(batch: &[Received<EnterExam>], came: &[(bool, u32)]) -> HashMap<ExamId, Uuid> {
    batch.iter().zip(came).filter(|(_, (is_new, _))| *is_new).map(|(one, _)| (one.command.exam_id, one.id)).collect()
}
