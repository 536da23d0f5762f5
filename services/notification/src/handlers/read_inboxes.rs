//! The inboxes of those who connect to a gateway.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::notification::{Inboxes, LATEST, NotificationsSnapshot, ReadInboxes};
use sinaesta_contracts::{Actor, ErrorBody, UserId};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::paging;
use crate::store::{inboxes, seen};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ReadInboxes;

    async fn handle(&self, _: Actor, query: ReadInboxes) -> Result<Result<Inboxes, ErrorBody>, Failure> {
        let users: Vec<Uuid> = query.users.iter().map(|user| user.0).collect();
        let mut db = crate::context::snapshot(&self.0.queries).await?;
        let mut states = inboxes::states(&mut db, &users).await?;
        let mut latest = seen::latest(&mut db, &users, i64::from(LATEST)).await?;
        db.commit().await.map_err(StoreError::from)?;
        let bytes = |user: &UserId| latest.get(user).into_iter().flatten().map(paging::bytes).sum();
        let covered = paging::fitting(&query.users, bytes).min(query.users.len());
        let snapshot = |user: UserId| {
            let (state, notifications) = (states.remove(&user)?, latest.remove(&user).unwrap_or_default());
            let (unread_count, version) = (state.unread_count, state.version);
            Some((user, NotificationsSnapshot { notifications, unread_count, version }))
        };
        let inboxes = query.users.into_iter().take(covered).filter_map(snapshot).collect();
        Ok(Ok(Inboxes { inboxes, covered }))
    }
}
