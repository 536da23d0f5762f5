//! `set-status`: how somebody chooses to show.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::presence::{SetStatus, StatusSet};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::OffsetDateTime;

use crate::context::Context;
use crate::handlers::{announce, news, word};
use crate::store::newest;
use crate::store::presence::{self, Chosen, Shown};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SetStatus;

    async fn handle(&self, batch: &[Received<SetStatus>]) -> Result<Vec<Outcome<StatusSet>>, Failure> {
        let subject = |one: &Received<SetStatus>| format!("status {}", one.actor.user_id.0);
        let mut said: Vec<_> = batch.iter().map(|one| word(one, one.from, subject(one))).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let is_news = newest::are_news(&mut db, &said).await?;
        // Of several choices in one batch the last one counts.
        let last: HashMap<_, _> = news(batch, &is_news).map(|one| (one.actor.user_id, one)).collect();
        let shown = |one: &Received<SetStatus>| Shown {
            user: one.actor.user_id,
            name: one.actor.name.clone(),
            status: one.command.status.into(),
            last_seen_at: one.stamped_at,
            by: Some(one.id),
        };
        let wanted: Vec<_> = last.values().map(|one| shown(one)).collect();
        let mut pause = time::Duration::milliseconds(self.0.settings.status_interval_ms);
        mutant!("status-as-often-as-one-likes", pause = time::Duration::ZERO);
        let noted = presence::choose(&mut db, &wanted, pause).await?;
        let is_noted = |one: &Shown| noted.get(&one.user).is_some_and(|chosen| Some(chosen.by) == one.by);
        let chosen: Vec<_> = wanted.into_iter().filter(is_noted).collect();
        // What comes again tells how they show now.
        let again = batch.iter().filter(|one| !last.contains_key(&one.actor.user_id));
        let mut announced_by: HashMap<_, _> = again.map(|one| (one.actor.user_id, one.id)).collect();
        let users: Vec<_> = announced_by.keys().map(|user| user.0).collect();
        let mut shown = presence::chosen(&mut db, &users).await?;
        // A choice that is refused is not noted, so that its repeat is refused as well.
        let by: HashMap<_, _> = chosen.iter().filter_map(|one| Some((one.by?, one.user))).collect();
        said.retain(|one| by.contains_key(&one.command));
        newest::note(&mut db, &said).await?;
        announced_by.extend(by.into_iter().map(|(id, user)| (user, id)));
        shown.extend(chosen);
        db.commit().await.map_err(StoreError::from)?;
        let mut announcements = announce(&self.0, &shown).await?;
        let outcome = |one: &Received<SetStatus>| {
            let user = one.actor.user_id;
            let Some(announcing) = announced_by.get(&user) else {
                return Outcome::refused(too_soon(noted.get(&user), one.stamped_at, pause));
            };
            let mut outcome = Outcome::done(StatusSet { status: one.command.status.into() });
            if *announcing == one.id {
                outcome.outbound = announcements.remove(&user).unwrap_or_default();
            }
            outcome
        };
        Ok(batch.iter().map(outcome).collect())
    }
}

/// Everybody who shares a room with somebody hears of each choice: hence not too many of them.
fn too_soon(last: Option<&Chosen>, now: OffsetDateTime, pause: time::Duration) -> ErrorBody {
    let left = last.map_or(pause, |chosen| chosen.at + pause - now).whole_milliseconds();
    let error = ErrorBody::new(code::RATE_LIMITED, "The status was changed a moment ago");
    ErrorBody { retry_after_ms: Some(u64::try_from(left).unwrap_or_default().max(1)), ..error }
}
