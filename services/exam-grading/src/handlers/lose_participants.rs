//! A gateway was not heard of for too long: whoever was in an exam through it has left.

use std::collections::HashMap;
use std::time::Duration;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::exam::LoseParticipants;
use sinaesta_contracts::{GatewayId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::context::Context;
use crate::deciding::Decision;
use crate::domain::presence::{Departure, Presence};
use crate::handlers::exit_exam::{Departed, announce};
use crate::handlers::proctors_of;
use crate::store::participants;
use crate::store::sessions::Key;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = LoseParticipants;

    async fn handle(&self, batch: &[Received<LoseParticipants>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| lose(&self.0, one)).await
    }
}

async fn lose(context: &Context, one: &Received<LoseParticipants>) -> Result<Outcome<()>, Failure> {
    let LoseParticipants { exam_id, gateway_id } = one.command;
    let silence = Duration::from_millis(context.settings.gateway_silence_ms);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    participants::lock(&mut db, &[exam_id.0]).await?;
    let before = participants::taken_out_by(&mut db, exam_id, one.id).await?;
    let decision = match before.is_empty() {
        true if is_due(&mut db, gateway_id, one.stamped_at, silence).await? => {
            let there = participants::through(&mut db, exam_id, gateway_id).await?;
            Decision::Done(keys(one, there))
        }
        true => return Ok(Outcome::done(())),
        false => Decision::Repeat(keys(one, before)),
    };
    let Some(keys) = decision.done().filter(|keys| !keys.is_empty()) else { return Ok(Outcome::done(())) };
    let mut known = participants::of(&mut db, keys.iter().copied()).await?;
    if matches!(decision, Decision::Done(_)) {
        let take_out = |key: &Key| Some((*key, known.get_mut(key)?.lose(gateway_id, one.id, one.stamped_at)?));
        let gone: Vec<(Key, Departure)> = keys.iter().filter_map(take_out).collect();
        participants::depart(&mut db, &gone).await?;
        tracing::warn!(exam = %exam_id, gateway = %gateway_id, students = gone.len(), "students left with a lost gateway");
    }
    let remaining = participants::counts(&mut db, &[exam_id.0]).await?.remove(&exam_id).unwrap_or_default();
    let proctors = proctors_of(&mut db, keys, one.stamped_at).await?;
    db.commit().await.map_err(StoreError::from)?;
    let mut outcome = Outcome::done(());
    let left = left(keys, &known, one, remaining);
    outcome.outbound.extend(announce(&left, context.settings.announce_limit)?.into_iter().flatten());
    outcome.outbound.extend(proctors.into_values());
    Ok(outcome)
}

fn keys(one: &Received<LoseParticipants>, users: Vec<UserId>) -> Vec<Key> {
    users.into_iter().map(|user| (one.command.exam_id, user)).collect()
}

/// Whether a gateway can have been silent for so long, by the stamps: nobody came through it since. If not, a replica
/// missed its signals, and will not for long.
async fn is_due(
    db: &mut PgConnection,
    gateway: GatewayId,
    stamped_at: OffsetDateTime,
    silence: Duration,
) -> Result<bool, StoreError> {
    mutant!("exam-lost-though-heard-since", return Ok(true));
    let heard = participants::last_arrival(db, gateway).await?;
    Ok(heard.is_none_or(|at| stamped_at >= at + silence))
}

/// Those whom this very command took out of the exam and who are not back, one after another until so many remain.
fn left(
    keys: &[Key],
    known: &HashMap<Key, Presence>,
    one: &Received<LoseParticipants>,
    remaining: u32,
) -> Vec<Option<Departed>> {
    let name = |key: &Key| {
        let presence = known.get(key).filter(|presence| !presence.is_here())?;
        let departure = presence.left.iter().find(|left| left.left_by == one.id && left.was_last)?;
        Some((*key, departure.name.clone()))
    };
    let left: Vec<_> = keys.iter().filter_map(name).collect();
    let counts = (remaining..).take(left.len()).collect::<Vec<_>>().into_iter().rev();
    left.into_iter().zip(counts).map(|((key, name), count)| Some(Departed { key, name, count })).collect()
}
