//! `notification-list`: a page of one's notifications.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::notification::{ListNotifications, NotificationPage};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Actor, ErrorBody, code};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::{inboxes, seen};

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ListNotifications;

    async fn handle(
        &self,
        actor: Actor,
        query: ListNotifications,
    ) -> Result<Result<NotificationPage, ErrorBody>, Failure> {
        let (user, limit) = (actor.user_id, i64::from(u32::from(query.limit)));
        let mut db = crate::context::snapshot(&self.0.queries).await?;
        let before = match query.before {
            Some(id) => match seen::place(&mut db, user, id).await? {
                Some(place) => Some(place),
                None => {
                    let error = ErrorBody::new(code::NOTIFICATION_NOT_FOUND, "There is no such notification");
                    return Ok(Err(error.on_field("before")));
                }
            },
            None => None,
        };
        let mut notifications = seen::page(&mut db, user, before, query.unread_only, limit + 1).await?;
        let state = inboxes::states(&mut db, &[user.0]).await?.remove(&user).unwrap_or_default();
        db.commit().await.map_err(StoreError::from)?;
        let has_more = page::cut(&mut notifications, u32::from(query.limit) as usize, PAGE_BYTES);
        let (unread_count, version) = (state.unread_count, state.version);
        Ok(Ok(NotificationPage { notifications, unread_count, version, has_more }))
    }
}
