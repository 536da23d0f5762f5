//! `study-group-list`: a page of groups.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::study_group::{GroupPage, ListGroups};
use sinaesta_contracts::{Actor, ErrorBody, GroupId};
use sinaesta_store::StoreError;

use crate::Context;
use crate::store::groups::{self, Wanted};

/// About the most members in one page: each is an id of 40 bytes.
const MEMBERS: usize = 10_000;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ListGroups;

    async fn handle(&self, actor: Actor, query: ListGroups) -> Result<Result<GroupPage, ErrorBody>, Failure> {
        let limit = u32::from(query.limit) as usize;
        let wanted = Wanted {
            user: actor.user_id,
            specialty: query.specialty.as_ref().map(|name| name.as_str()),
            query: query.query.as_ref().map(|text| text.as_str()),
            mine: query.mine,
            before: query.before,
        };
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        let ids = groups::list(&mut db, &wanted, limit as i64 + 1).await?;
        let mut found = groups::find(&mut db, &ids).await?;
        let mut members = 0;
        let mut page = Vec::with_capacity(limit);
        for id in ids.iter().take(limit) {
            // One that was deleted meanwhile is passed over.
            let Some(group) = found.remove(&GroupId(*id)) else { continue };
            members += group.members.len();
            if members > MEMBERS && !page.is_empty() {
                return Ok(Ok(GroupPage { groups: page, has_more: true }));
            }
            page.push(group);
        }
        Ok(Ok(GroupPage { groups: page, has_more: ids.len() > limit }))
    }
}
