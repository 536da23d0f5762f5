//! A student's last socket in an exam on a gateway is gone.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::exam::{ExitExam, ParticipantLeftExam, Participation};
use sinaesta_contracts::{Audience, GatewayId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;

use crate::Context;
use crate::handlers::{to_proctors, with_last};
use crate::store::sessions::Key;
use crate::store::{participants, sessions};
use crate::submission::distinct;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExitExam;

    async fn handle(&self, batch: &[Received<ExitExam>]) -> Result<Vec<Outcome<Participation>>, Failure> {
        let context = &self.0;
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let leaving: Vec<_> = batch
            .iter()
            .map(|one| Leaving {
                key: (one.command.exam_id, one.actor.user_id),
                gateway: one.command.gateway_id,
                name: one.actor.name.clone(),
            })
            .collect();
        let Left { announced, proctors } = leave(context, &mut db, &leaving).await?;
        db.commit().await.map_err(StoreError::from)?;
        let outcomes = announced.into_iter().map(|(participant_count, announced)| {
            let done = Outcome::done(Participation { participant_count, has_started: true });
            announced.into_iter().fold(done, Outcome::and)
        });
        Ok(with_last(outcomes.collect(), proctors))
    }
}

/// Somebody who has no socket in an exam on a gateway any more.
pub(super) struct Leaving {
    pub(super) key: Key,
    pub(super) gateway: GatewayId,
    pub(super) name: String,
}

/// What comes of it.
pub(super) struct Left {
    /// For each in their order: how many remain, and what the others are told.
    pub(super) announced: Vec<(u32, Option<Outbound>)>,
    pub(super) proctors: Vec<Outbound>,
}

/// Takes students out of exams, one after another.
pub(super) async fn leave(context: &Context, db: &mut PgConnection, leaving: &[Leaving]) -> Result<Left, Failure> {
    let exam_ids = distinct(leaving.iter().map(|one| one.key.0));
    let mut counts = participants::counts(db, &exam_ids).await?;
    let mut present = participants::of(db, leaving.iter().map(|one| one.key)).await?;
    let mut gone: HashMap<_, usize> = HashMap::new();
    let mut steps = Vec::with_capacity(leaving.len());
    for (at, one) in leaving.iter().enumerate() {
        let here = present.entry(one.key).or_default();
        let was_here = !here.is_empty();
        here.retain(|present| present.gateway != one.gateway);
        let count = counts.entry(one.key.0).or_default();
        if here.is_empty() {
            // A repeat finds nobody, and says again what it said.
            *count = count.saturating_sub(u32::from(was_here));
            gone.insert(one.key.0, at);
        }
        steps.push((here.is_empty(), *count));
    }
    let rows: Vec<_> = leaving.iter().map(|one| (one.key, one.gateway)).collect();
    participants::delete(db, &rows).await?;
    let held = sessions::hold(db, leaving.iter().map(|one| one.key)).await?;
    let proctors = to_proctors(context, db, &held.values().collect::<Vec<_>>()).await?;
    let announce = |(at, (one, (is_gone, count))): (usize, (&Leaving, (bool, u32)))| {
        let is_told = count < context.settings.announce_limit || gone.get(&one.key.0) == Some(&at);
        let (exam_id, user_id) = one.key;
        let event = ParticipantLeftExam { exam_id, user_id, user_name: one.name.clone(), participant_count: count };
        let told = (is_gone && is_told).then(|| Outbound::deliver(Audience::Exam(exam_id), &event)).transpose()?;
        Ok((count, told.map(|told| told.except(user_id))))
    };
    let announced: Result<_, Failure> = leaving.iter().zip(steps).enumerate().map(announce).collect();
    Ok(Left { announced: announced?, proctors })
}
