//! How many rooms one user may open, and be in.

use std::collections::HashMap;
use std::sync::Arc;

use sinaesta_contracts::{ErrorBody, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_settings::ChatSettings;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::context::Context;
use crate::store::quotas::{self, Rooms};

/// What some users have, and what is added to it within a batch.
#[derive(Clone)]
pub(crate) struct Quotas {
    settings: Arc<ChatSettings>,
    rooms: HashMap<UserId, Rooms>,
}

impl Quotas {
    /// What these users have at a moment.
    pub(crate) async fn load(
        context: &Context,
        db: &mut PgConnection,
        users: &[UserId],
        at: OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let settings = Arc::clone(&context.settings);
        let most = settings.rooms_per_user.max(settings.rooms_per_user_daily).max(settings.memberships_per_user);
        let mut users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        users.sort_unstable();
        users.dedup();
        let rooms = quotas::rooms(db, &users, at, most).await?;
        Ok(Self { settings, rooms })
    }

    /// One more room is opened by a user, if they may.
    pub(crate) fn open(&mut self, user: UserId) -> Result<(), ErrorBody> {
        let rooms = self.rooms.entry(user).or_default();
        let (all, daily) = (self.settings.rooms_per_user, self.settings.rooms_per_user_daily);
        if rooms.opened >= all {
            return Err(too_many(format!("You may open {all} rooms")));
        }
        if rooms.opened_today >= daily && !mutant!("quota-of-rooms-a-day") {
            return Err(too_many(format!("You may open {daily} rooms a day")));
        }
        rooms.opened += 1;
        rooms.opened_today += 1;
        Ok(())
    }

    /// A user is in one more room, if they may.
    pub(crate) fn enter(&mut self, user: UserId) -> Result<(), ErrorBody> {
        let rooms = self.rooms.entry(user).or_default();
        let most = self.settings.memberships_per_user;
        if rooms.memberships >= most && !mutant!("quota-of-rooms-one-is-in") {
            return Err(too_many(format!("You may be in {most} rooms: leave one first")));
        }
        rooms.memberships += 1;
        Ok(())
    }
}

fn too_many(text: String) -> ErrorBody {
    ErrorBody::new(code::ROOM_TOO_MANY, text)
}
