//! How somebody's membership in a study group ends: by themselves or by others, it ends by the same steps, and once.

use sinaesta_bus::{Failure, Outbound};
use sinaesta_contracts::chat::RoomRemoved;
use sinaesta_contracts::study_group::{StudyGroupDeleted, StudyGroupMemberLeft};
use sinaesta_contracts::{Audience, ErrorBody, GroupId, RoomId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::group::{Group, not_found};
use crate::store::groups;
use crate::store::newest::{self, Word};
use crate::store::participants::{self, Moving};

/// What came of it.
pub(crate) enum Ended {
    /// They are out, and this is told.
    Told(Vec<Outbound>),
    /// They were not in.
    NotAMember,
    /// By the rules.
    Refused(ErrorBody),
}

/// Takes `user` out of a group by a command, if `may` has nothing against it.
pub(crate) async fn end(
    context: &Context,
    id: GroupId,
    user: UserId,
    said: Word,
    may: impl FnOnce(&Group) -> Result<(), ErrorBody>,
) -> Result<Ended, Failure> {
    let (room_id, by, at) = (RoomId::from(id), said.command, said.at);
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let was_mine = groups::moved(&mut db, id, user).await?.is_some_and(|moved| moved.left_by == Some(by));
    let group = groups::hold(&mut db, id).await?;
    // A repeat of the command that ended it says again what it said.
    if was_mine {
        return told(id, user, "", group.as_ref()).map(Ended::Told);
    }
    if let Some(Err(error)) = group.as_ref().map(may) {
        return Ok(Ended::Refused(error));
    }
    // One that comes late ended nothing that began since.
    if newest::note(&mut db, &[said]).await? != [true] && !mutant!("group-left-again-by-a-late-command") {
        return Ok(Ended::Told(Vec::new()));
    }
    let Some(mut group) = group else { return Ok(Ended::Refused(not_found())) };
    let Some(name) = group.member(user).map(|member| member.user_name.clone()) else { return Ok(Ended::NotAMember) };
    let owner = group.owner_without(user);
    groups::leave(&mut db, id, user, owner, by, at).await?;
    participants::leave(&mut db, &[Moving { room: &room_id, user, name: &name, by, at }]).await?;
    db.commit().await.map_err(StoreError::from)?;
    group.members.retain(|member| member.user_id != user);
    group.creator_id = owner.unwrap_or(group.creator_id);
    told(id, user, &name, Some(&group).filter(|_| owner.is_some())).map(Ended::Told)
}

/// What is told of somebody who is out of a group; `None` for one that is no more.
fn told(id: GroupId, user: UserId, name: &str, group: Option<&Group>) -> Result<Vec<Outbound>, Failure> {
    let room_id = RoomId::from(id);
    // To the room, whose sockets of theirs are let out by it; and to them, wherever they are.
    let removed = RoomRemoved { room_id: room_id.clone(), user_id: user };
    let mut outbound = vec![Outbound::deliver(Audience::Room(room_id.clone()), &removed)?];
    mutant!("group-removed-are-not-told", outbound.clear());
    match group {
        Some(group) => {
            let left = StudyGroupMemberLeft {
                group_id: id,
                user_id: user,
                user_name: name.to_owned(),
                member_count: u32::try_from(group.members.len()).unwrap_or(u32::MAX),
                creator_id: group.creator_id,
            };
            outbound.push(Outbound::deliver(Audience::Room(room_id), &left)?.except(user));
        }
        None => {
            let deleted = StudyGroupDeleted { group_id: id };
            outbound.push(Outbound::deliver(Audience::User(user), &deleted)?);
            outbound.push(Outbound::deliver(Audience::Groups, &deleted)?);
        }
    }
    Ok(outbound)
}
