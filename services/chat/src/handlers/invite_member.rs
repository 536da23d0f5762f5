//! `study-group-invite`: whoever is wanted is told, and may join.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::study_group::{GroupInvited, InviteMember};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::group::{not_a_member, not_found};
use crate::handlers::{one_by_one, word};
use crate::store::groups::{self, Invitation};
use crate::store::{newest, quotas};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = InviteMember;

    async fn handle(&self, batch: &[Received<InviteMember>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| invite(&self.0, one)).await
    }
}

async fn invite(context: &Context, one: &Received<InviteMember>) -> Result<Outcome<()>, Failure> {
    let InviteMember { group_id, user_id } = one.command;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let Some(group) = groups::hold(&mut db, group_id).await? else { return Ok(Outcome::refused(not_found())) };
    if group.member(one.actor.user_id).is_none() {
        let error = if group.is_public { not_a_member("groupId") } else { not_found() };
        return Ok(Outcome::refused(error));
    }
    // Whoever is in it need not be wanted.
    if group.member(user_id).is_some() {
        return Ok(Outcome::done(()));
    }
    if groups::role_of(&mut db, user_id).await?.is_none() {
        let error = ErrorBody::new(code::USER_UNKNOWN, "There is no such user");
        return Ok(Outcome::refused(error.on_field("userId")));
    }
    let by = one.actor.user_id;
    let most = context.settings.invitations_per_user;
    let is_invited = groups::is_invited(&mut db, group_id, user_id).await?;
    if !is_invited
        && quotas::invitations(&mut db, by, one.stamped_at, most).await? >= most
        && !mutant!("quota-of-invitations")
    {
        let text = format!("You may have invited {most} people who have not come yet");
        return Ok(Outcome::refused(ErrorBody::new(code::INVITATION_TOO_MANY, text)));
    }
    let invitation = Invitation { group: group_id, user: user_id, by, command: one.id, at: one.stamped_at };
    let said = word(one, one.from, format!("invitation {} {}", group_id.0, user_id.0));
    if newest::note(&mut db, &[said]).await? == [true] {
        groups::invite(&mut db, &invitation).await?;
    }
    let is_mine = groups::invited_by(&mut db, group_id, user_id).await? == Some(one.id);
    db.commit().await.map_err(StoreError::from)?;
    // They are told once, however often they are invited.
    if !is_mine && !mutant!("group-invitation-told-each-time") {
        return Ok(Outcome::done(()));
    }
    let (by, by_name) = (one.actor.user_id, one.actor.name.clone());
    let event = GroupInvited { group_id, group_name: group.name, user_id, by, by_name };
    Ok(Outcome::done(()).and(Outbound::event(&event)?))
}
