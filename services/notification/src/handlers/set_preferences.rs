//! `notification-preferences-set`: what a user wants to be told. A repeat changes nothing that was set since.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::Audience;
use sinaesta_contracts::notification::{NotificationType, PreferencesChanged, SetPreferences};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::quiet;
use crate::handlers::{Told, claim, distinct};
use crate::store::inboxes;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SetPreferences;

    async fn handle(&self, batch: &[Received<SetPreferences>]) -> Result<Vec<Outcome<PreferencesChanged>>, Failure> {
        one_by_one(batch, |one| set(&self.0, one)).await
    }
}

async fn set(context: &Context, one: &Received<SetPreferences>) -> Result<Outcome<PreferencesChanged>, Failure> {
    if let Err(error) = quiet::check(&one.command.preferences) {
        return Ok(Outcome::refused(error));
    }
    let user = one.actor.user_id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    inboxes::hold(&mut db, &distinct([user])).await?;
    let is_new = claim(&mut db, std::slice::from_ref(one)).await?.contains(&one.id);
    let mut preferences = inboxes::preferences(&mut db, user).await?;
    if is_new || mutant!("preferences-come-again-and-count") {
        for kind in NotificationType::ALL {
            if let Some(wanted) = one.command.preferences.of(kind) {
                preferences.set(kind, wanted.clone());
            }
        }
        inboxes::set_preferences(&mut db, user, &preferences).await?;
    }
    db.commit().await.map_err(StoreError::from)?;
    let mut state = Told::read(context, &distinct([user]), &[]).await?.state(user);
    mutant!("badge-of-preferences", state.version -= 1);
    let changed = PreferencesChanged { preferences, unread_count: state.unread_count, version: state.version };
    let delivery = Outbound::deliver(Audience::User(user), &changed)?;
    Ok(Outcome::done(changed).and(delivery))
}
