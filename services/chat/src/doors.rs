//! The doors of the rooms that a batch concerns, with all that is needed to know who may pass.

use std::collections::{HashMap, HashSet};

use sinaesta_contracts::exam::FindSessions;
use sinaesta_contracts::{Actor, ErrorBody, ExamId, GroupId, RoomId, RoomKind, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgPool;

use crate::context::Context;
use crate::domain::door::{self, Room, Standing};
use crate::store::groups;

/// The doors of some rooms.
pub(crate) struct Doors {
    open_rooms: bool,
    rooms: HashMap<String, Room>,
    with_session: HashSet<(ExamId, UserId)>,
    members: HashSet<(GroupId, UserId)>,
    /// Whether the exam service could not say who has a session.
    is_unsure: bool,
}

impl Doors {
    /// What is needed for these people and these rooms. It asks another service where it must: no connection may be held
    /// meanwhile.
    pub(crate) async fn load<'a>(
        context: &Context,
        pool: &PgPool,
        whom: impl Iterator<Item = (&'a Actor, &'a RoomId)> + Clone,
    ) -> Result<Self, StoreError> {
        let rooms = context.rooms.load(pool, whom.clone().map(|(_, room)| room)).await?;
        let (mut with_session, mut asked, mut of_groups) = (HashSet::new(), Vec::new(), Vec::new());
        for (actor, room) in whom {
            match room.kind() {
                // Staff need no session.
                RoomKind::Exam(id) if !actor.role.is_staff() => {
                    let wanted = (ExamId(id), actor.user_id);
                    if context.sessions.get(&wanted).is_some() {
                        with_session.insert(wanted);
                    } else {
                        asked.push(wanted);
                    }
                }
                // Members leave and are removed: that is never remembered.
                RoomKind::StudyGroup(id) => of_groups.push((GroupId(id), actor.user_id)),
                _ => {}
            }
        }
        let mut members = HashSet::new();
        if !of_groups.is_empty() {
            members = groups::members_among(&mut *pool.acquire().await?, &of_groups).await?;
        }
        let mut is_unsure = false;
        if !asked.is_empty() {
            match context.bus.ask(&Actor::system(), &FindSessions { of: asked }).await {
                Ok(found) => {
                    // A session that exists will always exist.
                    found.iter().for_each(|one| context.sessions.insert(*one, ()));
                    with_session.extend(found);
                }
                Err(error) => {
                    tracing::warn!(error = %error.message, "nobody says who has a session in an exam");
                    is_unsure = true;
                }
            }
        }
        Ok(Self { open_rooms: context.settings.open_rooms, rooms, with_session, members, is_unsure })
    }

    /// The room, if it exists.
    pub(crate) fn room(&self, id: &RoomId) -> Option<Room> {
        self.rooms.get(id.as_str()).copied()
    }

    /// The rooms that exist.
    pub(crate) const fn rooms(&mut self) -> &mut HashMap<String, Room> {
        &mut self.rooms
    }

    /// Whether `actor` may enter a room, which need not exist.
    pub(crate) fn may_enter(&self, actor: &Actor, id: &RoomId) -> Result<(), ErrorBody> {
        let has_session = match id.kind() {
            RoomKind::Exam(exam) => self.with_session.contains(&(ExamId(exam), actor.user_id)),
            _ => false,
        };
        let is_member = match id.kind() {
            RoomKind::StudyGroup(group) => self.members.contains(&(GroupId(group), actor.user_id)),
            _ => false,
        };
        let standing = Standing { room: self.room(id), has_session, is_member, open_rooms: self.open_rooms };
        door::may_enter(actor, id, standing).map_err(|error| {
            let may_have = self.is_unsure
                && !mutant!("door-unsure-is-no")
                && matches!(id.kind(), RoomKind::Exam(_))
                && !actor.role.is_staff();
            if may_have {
                ErrorBody::new(code::UNAVAILABLE, "This can't be checked right now; try again")
            } else {
                error
            }
        })
    }

    /// Whether `actor` may look after a room that must exist: mentors and admins also where they can't enter, save for
    /// what two people say to each other.
    pub(crate) fn check_moderator(&self, actor: &Actor, id: &RoomId) -> Result<(), ErrorBody> {
        if actor.role.is_staff() && !matches!(id.kind(), RoomKind::Direct(..)) && self.room(id).is_some() {
            return Ok(());
        }
        self.check(actor, id)
    }

    /// Whether `actor` may act in a room that must exist.
    pub(crate) fn check(&self, actor: &Actor, id: &RoomId) -> Result<(), ErrorBody> {
        self.may_enter(actor, id)?;
        match self.room(id) {
            Some(_) => Ok(()),
            None if mutant!("door-for-what-nobody-opened") => Ok(()),
            None => Err(ErrorBody::new(code::ROOM_NOT_FOUND, "Nobody has joined this room yet").on_field("roomId")),
        }
    }
}
