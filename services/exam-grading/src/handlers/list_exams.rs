//! Exams, newest first.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::exam_authoring::{ExamList, ListExams};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Actor, BoundedNumber, BoundedText, ErrorBody};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::summary;
use crate::store::exams::{self, Listed};

/// How many exams a page has when the client does not say.
const PAGE: u32 = 50;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = ListExams;

    async fn handle(&self, actor: Actor, query: ListExams) -> Result<Result<ExamList, ErrorBody>, Failure> {
        let limit = query.limit.map_or(PAGE, BoundedNumber::get);
        let listed = match actor.role {
            role if role.is_admin() => Listed::All,
            role if role.is_staff() => Listed::PublishedAndOf(actor.user_id),
            _ => Listed::Published,
        };
        let mut db = self.0.queries.acquire().await.map_err(StoreError::from)?;
        // One more than wanted tells whether there are more.
        let wanted = i64::from(limit) + 1;
        let specialty = query.specialty.as_ref().map(BoundedText::as_str);
        let mut ids = exams::list(&mut db, specialty, query.before, listed, wanted).await?;
        let is_last = ids.len() <= limit as usize;
        ids.truncate(limit as usize);
        let found = exams::find(&mut db, &ids).await?;
        let mut exams: Vec<_> = found.into_values().map(summary).collect();
        exams.sort_unstable_by_key(|exam| std::cmp::Reverse(exam.info.id));
        let is_cut = page::cut(&mut exams, limit as usize, PAGE_BYTES);
        Ok(Ok(ExamList { exams, has_more: is_cut || !is_last }))
    }
}
