//! `study-group-remove`: somebody else is a member no more.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::study_group::RemoveMember;

use crate::Context;
use crate::domain::group::not_a_member;
use crate::handlers::{in_group, one_by_one, word};
use crate::membership::{Ended, end};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RemoveMember;

    async fn handle(&self, batch: &[Received<RemoveMember>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| remove(&self.0, one)).await
    }
}

async fn remove(context: &Context, one: &Received<RemoveMember>) -> Result<Outcome<()>, Failure> {
    let RemoveMember { group_id, user_id } = one.command;
    let may = |group: &crate::domain::group::Group| group.may_remove(&one.actor);
    match end(context, group_id, user_id, word(one, one.from, in_group(group_id, user_id)), may).await? {
        Ended::Told(outbound) => Ok(Outcome { outbound, ..Outcome::done(()) }),
        Ended::NotAMember => Ok(Outcome::refused(not_a_member("userId"))),
        Ended::Refused(error) => Ok(Outcome::refused(error)),
    }
}
