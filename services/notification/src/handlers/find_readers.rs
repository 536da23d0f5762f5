//! Which of a gateway's users are told of an announcement, and what their counts are then.

use std::collections::HashMap;

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::notification::{FindReaders, Reader};
use sinaesta_contracts::{Actor, ErrorBody, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::domain::quiet;
use crate::handlers::distinct;
use crate::store::inboxes::{self, State};
use crate::store::seen::{self, Seen};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = FindReaders;

    async fn handle(&self, _: Actor, query: FindReaders) -> Result<Result<Vec<Reader>, ErrorBody>, Failure> {
        let users = distinct(query.users);
        let wanted: Vec<_> = users.iter().map(|user| (UserId(*user), query.notification_id)).collect();
        let mut db = crate::context::snapshot(&self.0.queries).await?;
        let states = inboxes::states(&mut db, &users).await?;
        let seen = seen::to_tell(&mut db, &wanted).await?;
        db.commit().await.map_err(StoreError::from)?;
        let told: HashMap<UserId, Seen> = seen.into_iter().map(|one| (one.notification.user_id, one)).collect();
        let reader = |(user_id, State { unread_count, version, preferences }): (UserId, State)| {
            let notification = told.get(&user_id).map(|seen| &seen.notification);
            // By when it was said, as for what one reader is told: however late a gateway asks.
            let is_silent = notification
                .filter(|_| !mutant!("quiet-hours-of-announcements"))
                .is_some_and(|one| quiet::is_silent(&preferences, one.kind, one.priority, one.updated_at.0));
            Reader { user_id, is_told: notification.is_some(), is_silent, unread_count, version }
        };
        Ok(Ok(states.into_iter().map(reader).collect()))
    }
}
