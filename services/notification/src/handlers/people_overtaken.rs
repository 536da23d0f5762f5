//! `event.leaderboard.people-overtaken`: each is told, at most once a day.

use std::collections::HashMap;

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::leaderboard::{Overtake, PeopleOvertaken};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_store::StoreError;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::notice;
use crate::handlers::notify_id;
use crate::posting::post;
use crate::store::notifications;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = PeopleOvertaken;

    async fn handle(&self, batch: &[Heard<PeopleOvertaken>]) -> Result<Vec<Outbound>, Failure> {
        // The day is the one on which this was heard of first, however late it is handled.
        let command = |(at, one): (OffsetDateTime, &Overtake)| {
            let (board, by_name) = (one.board.clone(), one.by_name.clone());
            let notice = Notice::Overtaken { board, by_name, rank: one.rank };
            let id = notice::id(one.user_id, &notice, at, &self.0.time_zone)?;
            let notify = Notify { user_id: one.user_id, notice };
            Some((id.0, (notify_id(&notify, &format!("overtaken.{}.{}", one.by, one.at)), notify)))
        };
        let overtakes = batch.iter().flat_map(|one| one.event.overtakes.iter().map(|what| (one.stamped_at, what)));
        let mut commands: HashMap<Uuid, (Uuid, Notify)> = HashMap::new();
        for (id, notify) in overtakes.filter_map(command) {
            commands.entry(id).or_insert(notify);
        }
        // Most who are passed were told on that day: they need not even be thought of.
        let ids: Vec<Uuid> = commands.keys().copied().collect();
        let mut db = self.0.pool.acquire().await.map_err(StoreError::from)?;
        let told = notifications::existing(&mut db, &ids).await?;
        drop(db);
        commands.retain(|id, _| !told.contains(id));
        post(&self.0, commands.into_values().collect()).await?;
        Ok(Vec::new())
    }
}
