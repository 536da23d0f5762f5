//! `typing-indicator`: tells a room's gateways that somebody types, or no longer does.

use std::time::Duration;

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::chat::{SetTyping, TYPING_LAPSE_MS, TypingIndicator};
use sinaesta_contracts::{Actor, Audience, ErrorBody};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::doors::Doors;
use crate::handlers::muted;
use crate::store::{mutes, typing};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = SetTyping;

    async fn handle(&self, actor: Actor, query: SetTyping) -> Result<Result<(), ErrorBody>, Failure> {
        let SetTyping { room_id, is_typing } = query;
        let doors = Doors::load(&self.0, &self.0.queries, std::iter::once((&actor, &room_id))).await?;
        if let Err(error) = doors.check(&actor, &room_id)
            && !mutant!("door-of-typing-is-open")
        {
            return Ok(Err(error));
        }
        let now = self.0.clock.now();
        let expires_at = is_typing
            .then(|| now + Duration::from_millis(mutant!("typing-kept-for-a-minute", 60_000, TYPING_LAPSE_MS)));
        // Who types is written by a query: it may be lost, and need not be in any order.
        let mut db = self.0.queries.begin_with("BEGIN READ WRITE").await.map_err(StoreError::from)?;
        if let Some(until) = mutes::at(&mut db, &[(&room_id, actor.user_id, now)]).await?.into_values().next()
            && !mutant!("typing-though-muted")
        {
            return Ok(Err(muted(until, now)));
        }
        typing::set(&mut db, &room_id, actor.user_id, &actor.name, expires_at).await?;
        db.commit().await.map_err(StoreError::from)?;
        let (user_id, user_name) = (actor.user_id, actor.name);
        let typing = TypingIndicator { room_id: room_id.clone(), user_id, user_name, is_typing };
        self.0
            .bus
            .signal_to(
                &Audience::Room(room_id),
                &typing,
                Some(user_id).filter(|_| !mutant!("typing-told-to-the-typist")),
            )
            .await;
        Ok(Ok(()))
    }
}
