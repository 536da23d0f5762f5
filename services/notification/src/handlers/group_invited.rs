//! `event.chat.group-invited`: whoever is wanted is told.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_contracts::study_group::GroupInvited;

use crate::context::Context;
use crate::handlers::notify_id;
use crate::posting::post;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = GroupInvited;

    async fn handle(&self, batch: &[Heard<GroupInvited>]) -> Result<Vec<Outbound>, Failure> {
        let command = |one: &Heard<GroupInvited>| {
            let GroupInvited { group_id, group_name, user_id, by_name, .. } = one.event.clone();
            let occasion = one.id.clone();
            let notify = Notify { user_id, notice: Notice::Invited { group_id, group_name, by_name, occasion } };
            (notify_id(&notify, &format!("invited.{}", one.id)), notify)
        };
        post(&self.0, batch.iter().map(command).collect()).await?;
        Ok(Vec::new())
    }
}
