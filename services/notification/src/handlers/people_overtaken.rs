//! `event.leaderboard.people-overtaken`: each is told, at most once a day.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::leaderboard::{Overtake, PeopleOvertaken};
use sinaesta_contracts::notification::{Notice, Notify};

use crate::Context;
use crate::handlers::{notify_id, post};

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = PeopleOvertaken;

    async fn handle(&self, batch: &[Heard<PeopleOvertaken>]) -> Result<Vec<Outbound>, Failure> {
        let command = |one: &Overtake| {
            let (board, by_name) = (one.board.clone(), one.by_name.clone());
            let notice = Notice::Overtaken { board, by_name, rank: one.rank };
            let notify = Notify { user_id: one.user_id, notice };
            (notify_id(&notify, &format!("overtaken.{}.{}", one.by, one.at)), notify)
        };
        post(&self.0, batch.iter().flat_map(|one| &one.event.overtakes).map(command).collect()).await?;
        Ok(Vec::new())
    }
}
