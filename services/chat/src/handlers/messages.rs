//! What changing messages begins with: which of them somebody may come to, and their rows locked.

use std::collections::HashMap;

use sinaesta_bus::{Failure, Received};
use sinaesta_contracts::{Actor, ErrorBody, MessageId, RoomId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{muted, unknown_message};
use crate::context::Context;
use crate::doors::Doors;
use crate::store::changes::{self, Locked};
use crate::store::messages::{self, Place};
use crate::store::mutes;

/// As what somebody comes to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// As one who may be in its room.
    Participant,
    /// Mentors and admins also as those who look after rooms that they can't enter.
    Moderator,
}

/// The messages that a batch wants to change.
pub(super) struct Messages {
    places: HashMap<MessageId, Place>,
    doors: Doors,
    locked: HashMap<MessageId, Locked>,
    mutes: HashMap<(RoomId, UserId, OffsetDateTime), OffsetDateTime>,
}

impl Messages {
    /// Reads where the messages stand and who may come there, before anything is locked; then locks them.
    pub(super) async fn lock<C>(
        context: &Context,
        batch: &[Received<C>],
        id: impl Fn(&C) -> MessageId,
    ) -> Result<(Self, Transaction<'static, Postgres>), Failure> {
        let ids: Vec<Uuid> = batch.iter().map(|one| id(&one.command).0).collect();
        let places = messages::places(&mut *context.pool.acquire().await.map_err(StoreError::from)?, &ids).await?;
        let whom = |one| {
            let one: &Received<C> = one;
            Some((&one.actor, &places.get(&id(&one.command))?.room_id))
        };
        let doors = Doors::load(context, &context.pool, batch.iter().filter_map(whom)).await?;
        let asked: Vec<_> = batch
            .iter()
            .filter_map(|one| Some((&places.get(&id(&one.command))?.room_id, one.actor.user_id, one.stamped_at)))
            .collect();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let locked = changes::lock(&mut db, &ids).await?;
        let mutes = mutes::at(&mut db, &asked).await?;
        Ok((Self { places, doors, locked, mutes }, db))
    }

    /// A message that `actor` may come to, and its room.
    pub(super) fn find(&mut self, actor: &Actor, id: MessageId, how: As) -> Result<(&mut Locked, &RoomId), ErrorBody> {
        let Self { places, doors, locked, .. } = self;
        let room = &places.get(&id).ok_or_else(unknown_message)?.room_id;
        let may = match how {
            As::Participant => doors.check(actor, room),
            As::Moderator => doors.check_moderator(actor, room),
        };
        may.map_err(|_| unknown_message())?;
        Ok((locked.get_mut(&id).ok_or_else(unknown_message)?, room))
    }

    /// Whether somebody was muted in a room when they wanted to do something there.
    pub(super) fn check_muted(&self, room: &RoomId, user: UserId, at: OffsetDateTime) -> Result<(), ErrorBody> {
        mutant!("chat-muted-goes-on", return Ok(()));
        self.mutes.get(&(room.clone(), user, at)).map_or(Ok(()), |until| Err(muted(*until, at)))
    }
}
