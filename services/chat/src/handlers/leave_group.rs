//! `study-group-leave`: is a member no more.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::study_group::{LeaveGroup, StudyGroupLeft};

use crate::context::Context;
use crate::domain::group::not_found;
use crate::handlers::{in_group, one_by_one, word};
use crate::membership::{Ended, end};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = LeaveGroup;

    async fn handle(&self, batch: &[Received<LeaveGroup>]) -> Result<Vec<Outcome<StudyGroupLeft>>, Failure> {
        one_by_one(batch, |one| leave(&self.0, one)).await
    }
}

async fn leave(context: &Context, one: &Received<LeaveGroup>) -> Result<Outcome<StudyGroupLeft>, Failure> {
    let group_id = one.command.group_id;
    let user = one.actor.user_id;
    let ended = end(context, group_id, user, word(one, one.from, in_group(group_id, user)), |_| Ok(())).await?;
    match ended {
        Ended::Told(outbound) => Ok(Outcome { outbound, ..Outcome::done(StudyGroupLeft { group_id }) }),
        // Whether there is such a group is not for those to know who are not in it.
        Ended::NotAMember => Ok(Outcome::refused(not_found())),
        Ended::Refused(error) => Ok(Outcome::refused(error)),
    }
}
