//! `study-group-create`: makes a group with its maker in it, and its room.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::study_group::{CreateGroup, StudyGroupAvailable, StudyGroupCreated};
use sinaesta_contracts::{Audience, ErrorBody, GroupId, RoomId, code};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{one_by_one, too_many_groups};
use crate::quotas::Quotas;
use crate::store::groups::{self, NewGroup};
use crate::store::rooms::{self, Opening};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = CreateGroup;

    async fn handle(&self, batch: &[Received<CreateGroup>]) -> Result<Vec<Outcome<StudyGroupCreated>>, Failure> {
        one_by_one(batch, |one| create(&self.0, one)).await
    }
}

async fn create(context: &Context, one: &Received<CreateGroup>) -> Result<Outcome<StudyGroupCreated>, Failure> {
    let (id, new) = (GroupId(one.id), &one.command);
    if new.name.as_str().trim().is_empty() {
        let error = ErrorBody::new(code::INVALID_PAYLOAD, "name must not be empty");
        return Ok(Outcome::refused(error.on_field("name")));
    }
    let user = one.actor.user_id;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    // A repeat finds the group, or what was left of it when it was deleted.
    let made = groups::find_any(&mut db, id).await?;
    if made.is_none() {
        if groups::count_of(&mut db, user).await? >= context.settings.groups_per_user {
            return Ok(Outcome::refused(too_many_groups(context)));
        }
        let mut quotas = Quotas::load(context, &mut db, &[user], one.stamped_at).await?;
        if let Err(error) = quotas.open(user) {
            return Ok(Outcome::refused(error));
        }
        let group = NewGroup {
            id,
            name: new.name.as_str().trim(),
            description: new.description.as_ref().map(|text| text.as_str()),
            specialty: new.specialty.as_ref().map(|name| name.as_str()),
            is_public: new.is_public,
            max_members: new.max_members.into(),
            creator_id: user,
            at: one.stamped_at,
        };
        groups::insert(&mut db, &group).await?;
        groups::join(&mut db, id, (user, &one.actor.name), one.id, one.stamped_at).await?;
        let opening = Opening { id: RoomId::from(id), owner: Some(user), by: Some(user), at: one.stamped_at };
        rooms::open(&mut db, &[opening]).await?;
    }
    let made = groups::find_any(&mut db, id).await?;
    db.commit().await.map_err(StoreError::from)?;
    let made = made.ok_or_else(|| Failure::Reject(format!("group {} was made and can't be read", id.0)))?;
    let is_shown = made.is_public && made.member_count > 0;
    let available = is_shown.then(|| Outbound::deliver(Audience::Groups, &StudyGroupAvailable(made.clone())));
    let mut outcome = Outcome::done(StudyGroupCreated(made));
    outcome.outbound.extend(available.transpose()?);
    Ok(outcome)
}
