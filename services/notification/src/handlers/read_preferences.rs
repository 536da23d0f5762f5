//! `notification-preferences`: what a user wants to be told.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::notification::{NotificationPreferences, ReadPreferences};
use sinaesta_contracts::{Actor, ErrorBody};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::inboxes;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadPreferences;

    async fn handle(
        &self,
        actor: Actor,
        _: ReadPreferences,
    ) -> Result<Result<NotificationPreferences, ErrorBody>, Failure> {
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let states = inboxes::states(&mut db, &[actor.user_id.0]).await?;
        let preferences = states.into_values().next().unwrap_or_default().preferences;
        Ok(Ok(NotificationPreferences { preferences }))
    }
}
