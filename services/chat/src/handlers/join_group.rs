//! `study-group-join`: becomes a member, if there is a place.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::study_group::{JoinGroup, StudyGroupJoined, StudyGroupMemberJoined};
use sinaesta_contracts::{Audience, RoomId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::group::not_found;
use crate::handlers::{in_group, one_by_one, too_many_groups, word};
use crate::store::{groups, newest};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = JoinGroup;

    async fn handle(&self, batch: &[Received<JoinGroup>]) -> Result<Vec<Outcome<StudyGroupJoined>>, Failure> {
        one_by_one(batch, |one| join(&self.0, one)).await
    }
}

async fn join(context: &Context, one: &Received<JoinGroup>) -> Result<Outcome<StudyGroupJoined>, Failure> {
    let (id, user) = (one.command.group_id, one.actor.user_id);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let group = groups::hold(&mut db, id).await?;
    // A repeat finds that it brought them in, whatever happened since.
    let is_mine = groups::moved(&mut db, id, user).await?.is_some_and(|moved| moved.joined_by == one.id);
    let is_member = group.as_ref().is_some_and(|group| group.member(user).is_some());
    let is_news = newest::note(&mut db, &[word(one, one.from, in_group(id, user))]).await? == [true];
    let is_joining = is_news && !is_mine && !is_member;
    if is_joining {
        let Some(group) = group else { return Ok(Outcome::refused(not_found())) };
        if let Err(error) = group.may_join(groups::is_invited(&mut db, id, user).await?) {
            return Ok(Outcome::refused(error));
        }
        if groups::count_of(&mut db, user).await? >= context.settings.groups_per_user
            && !mutant!("quota-of-groups-one-joins")
        {
            return Ok(Outcome::refused(too_many_groups(context)));
        }
        groups::join(&mut db, id, (user, &one.actor.name), one.id, one.stamped_at).await?;
    }
    let group = groups::find_any(&mut db, id).await?;
    let committed = db.commit().await.map_err(StoreError::from);
    mutant!("chat-failed-commit-of-a-group-ignored", (), committed?);
    let group = group.ok_or_else(|| Failure::Reject(format!("group {} was joined and can't be read", id.0)))?;
    let (room_id, member_count) = (RoomId::from(id), group.member_count);
    let outcome = Outcome::done(StudyGroupJoined { group, room_id: room_id.clone() });
    // The command that brought them in tells the others, and so does its repeat while they are in.
    if !(is_joining || is_mine && is_member) {
        return Ok(outcome);
    }
    let joined =
        StudyGroupMemberJoined { group_id: id, user_id: user, user_name: one.actor.name.clone(), member_count };
    Ok(outcome.and(Outbound::deliver(Audience::Room(room_id), &joined)?.except(user)))
}
