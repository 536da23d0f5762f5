//! `study-group-list`: a page of groups.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::study_group::{GroupPage, ListGroups};
use sinaesta_contracts::{Actor, ErrorBody, GroupId};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::groups::{self, Wanted};

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
        // One that was deleted meanwhile is passed over.
        let mut page: Vec<_> = ids.iter().take(limit).filter_map(|id| found.remove(&GroupId(*id))).collect();
        let is_cut = page::cut(&mut page, limit, PAGE_BYTES);
        Ok(Ok(GroupPage { groups: page, has_more: is_cut || ids.len() > limit }))
    }
}
