//! `mute-user`: somebody may post nothing in a room for a while, or may again.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::moderation::{MuteUser, UserMuted};
use sinaesta_contracts::{Audience, ErrorBody, Timestamp, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::Duration;

use crate::context::Context;
use crate::doors::Doors;
use crate::store::groups;
use crate::store::mutes::{self, Mute};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = MuteUser;

    async fn handle(&self, batch: &[Received<MuteUser>]) -> Result<Vec<Outcome<UserMuted>>, Failure> {
        one_by_one(batch, |one| mute(&self.0, one)).await
    }
}

async fn mute(context: &Context, one: &Received<MuteUser>) -> Result<Outcome<UserMuted>, Failure> {
    let MuteUser { room_id, user_id, minutes, reason } = &one.command;
    if !one.actor.role.is_staff() {
        return Ok(Outcome::refused(ErrorBody::new(code::FORBIDDEN, "Only mentors and admins may mute")));
    }
    let doors = Doors::load(context, &context.pool, std::iter::once((&one.actor, room_id))).await?;
    if let Err(error) = doors.check_moderator(&one.actor, room_id) {
        return Ok(Outcome::refused(error));
    }
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    let Some(role) = groups::role_of(&mut db, *user_id).await? else {
        let error = ErrorBody::new(code::USER_UNKNOWN, "There is no such user");
        return Ok(Outcome::refused(error.on_field("userId")));
    };
    if let Err(error) = one.actor.may_act_on(*user_id, role)
        && !mutant!("chat-higher-rank-is-muted")
    {
        return Ok(Outcome::refused(error.on_field("userId")));
    }
    let minutes = u32::from(*minutes);
    let until = one.stamped_at + Duration::minutes(i64::from(minutes));
    let reason = reason.as_ref().map(|text| text.as_str());
    let mute = Mute {
        command: one.id,
        room: room_id,
        user: *user_id,
        until,
        reason,
        by: one.actor.user_id,
        at: one.stamped_at,
    };
    let until = mutes::insert(&mut db, &mute).await?;
    db.commit().await.map_err(StoreError::from)?;
    let until = (minutes > 0).then_some(Timestamp(until));
    let muted = UserMuted { room_id: room_id.clone(), user_id: *user_id, until, muted_by: one.actor.user_id };
    let to_room = Outbound::deliver(Audience::Room(room_id.clone()), &muted)?.except(*user_id);
    let to_them = Outbound::deliver(Audience::User(*user_id), &muted)?;
    let event = Outbound::event(&muted)?;
    Ok(Outcome::done(muted).and(to_room).and(to_them).and(event))
}
