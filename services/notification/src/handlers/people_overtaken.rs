//! `event.leaderboard.people-overtaken`: each is told, at most once a day.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::leaderboard::{Overtake, PeopleOvertaken};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::domain::notice;
use crate::handlers::{notify_id, post};
use crate::store::notifications;

pub struct Handler {
    context: Context,
    zone: TimeZone,
}

impl Handler {
    pub(crate) fn new(context: Context) -> Result<Self, jiff::Error> {
        let zone = TimeZone::get(&context.settings.time_zone)?;
        Ok(Self { context, zone })
    }
}

impl EventHandler for Handler {
    type Event = PeopleOvertaken;

    async fn handle(&self, batch: &[Heard<PeopleOvertaken>]) -> Result<Vec<Outbound>, Failure> {
        let now = self.context.clock.now();
        let command = |one: &Overtake| {
            let (board, by_name) = (one.board.clone(), one.by_name.clone());
            let notice = Notice::Overtaken { board, by_name, rank: one.rank };
            let id = notice::id(one.user_id, &notice, now, &self.zone)?;
            let notify = Notify { user_id: one.user_id, notice };
            Some((id.0, (notify_id(&notify, &format!("overtaken.{}.{}", one.by, one.at)), notify)))
        };
        let mut commands: HashMap<Uuid, (Uuid, Notify)> =
            batch.iter().flat_map(|one| &one.event.overtakes).filter_map(command).collect();
        // Most who are passed were told today: they need not even be thought of.
        let ids: Vec<Uuid> = commands.keys().copied().collect();
        let mut db = self.context.pool.acquire().await.map_err(StoreError::from)?;
        let told = notifications::existing(&mut db, &ids).await?;
        drop(db);
        commands.retain(|id, _| !told.contains(id));
        post(&self.context, commands.into_values().collect()).await?;
        Ok(Vec::new())
    }
}
