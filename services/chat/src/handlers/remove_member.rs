//! `study-group-remove`: somebody else is a member no more.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::Role;
use sinaesta_contracts::study_group::RemoveMember;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::group::{Group, not_a_member};
use crate::handlers::{in_group, one_by_one, word};
use crate::membership::{Ended, end};
use crate::store::groups;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RemoveMember;

    async fn handle(&self, batch: &[Received<RemoveMember>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| remove(&self.0, one)).await
    }
}

async fn remove(context: &Context, one: &Received<RemoveMember>) -> Result<Outcome<()>, Failure> {
    let RemoveMember { group_id, user_id } = one.command;
    let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
    // Of one who is gone from the platform there is nothing that would outrank anybody.
    let role = groups::role_of(&mut db, user_id).await?.unwrap_or(Role::Student);
    drop(db);
    let may = |group: &Group| group.may_remove(&one.actor, user_id, role);
    match end(context, group_id, user_id, word(one, one.from, in_group(group_id, user_id)), may).await? {
        Ended::Told(outbound) => Ok(Outcome { outbound, ..Outcome::done(()) }),
        Ended::NotAMember => Ok(Outcome::refused(not_a_member("userId"))),
        Ended::Refused(error) => Ok(Outcome::refused(error)),
    }
}
