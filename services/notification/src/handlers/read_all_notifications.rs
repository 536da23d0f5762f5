//! `notification-read-all`: everything is read that its reader sees. A repeat reads nothing of what came since.

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{NotificationsReadAll, ReadAllNotifications};
use sinaesta_contracts::{Audience, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::handlers::{Told, claim, distinct};
use crate::store::{commands, inboxes, notifications};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ReadAllNotifications;

    async fn handle(
        &self,
        batch: &[Received<ReadAllNotifications>],
    ) -> Result<Vec<Outcome<NotificationsReadAll>>, Failure> {
        let context = &self.0;
        let users = distinct(batch.iter().map(|one| one.actor.user_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        inboxes::hold(&mut db, &users).await?;
        // A version is a sum: what was announced until this is committed could have the same one as what is read.
        inboxes::hold_announcements(&mut db).await?;
        let new = claim(&mut db, batch).await?;
        let read = notifications::read_all(&mut db, &readers(batch, &new)).await?;
        inboxes::touch(&mut db, &read.changed).await?;
        let own = inboxes::own_versions(&mut db, &users).await?;
        // What was announced since is not among what was read, though the count has it.
        let version = |one: &Received<_>| {
            own.get(&one.actor.user_id).copied().unwrap_or_default()
                + read.announcements_version
                + i64::from(mutant!("read-all-covers-what-came-since"))
        };
        let versions = batch.iter().filter(|one| new.contains(&one.id)).map(|one| (one.id, version(one)));
        let mut up_to: HashMap<Uuid, i64> = versions.collect();
        commands::note_read_up_to(&mut db, &up_to.iter().map(|(id, at)| (*id, *at)).collect::<Vec<_>>()).await?;
        let known: Vec<Uuid> = batch.iter().map(|one| one.id).filter(|id| !new.contains(id)).collect();
        up_to.extend(commands::read_up_to(&mut db, &known).await?);
        db.commit().await.map_err(StoreError::from)?;
        let told = Told::read(context, &users, &[]).await?;
        batch.iter().map(|one| outcome(one, &told, &up_to)).collect()
    }
}

/// Who reads everything now, and when: by the first of their commands that is new.
fn readers(batch: &[Received<ReadAllNotifications>], new: &HashSet<Uuid>) -> Vec<(UserId, time::OffsetDateTime)> {
    let mut seen = HashSet::new();
    let is_new = |one: &Received<_>| new.contains(&one.id) || mutant!("read-all-comes-again-and-reads");
    let new = batch.iter().filter(|one| is_new(one) && seen.insert(one.actor.user_id));
    new.map(|one| (one.actor.user_id, one.stamped_at)).collect()
}

fn outcome(
    one: &Received<ReadAllNotifications>,
    told: &Told,
    up_to: &HashMap<Uuid, i64>,
) -> Result<Outcome<NotificationsReadAll>, Failure> {
    let user = one.actor.user_id;
    let read_up_to_version = *up_to
        .get(&one.id)
        .ok_or_else(|| Failure::Reject("this command is noted as done, but not what it did".to_owned()))?;
    let state = told.state(user);
    let (unread_count, version) = (state.unread_count, state.version);
    let all = NotificationsReadAll { unread_count, version, read_up_to_version };
    let delivery = Outbound::deliver(Audience::User(user), &all)?;
    Ok(Outcome::done(all).and(delivery))
}
