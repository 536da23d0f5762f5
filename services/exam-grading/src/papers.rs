//! Questions that are remembered: those of a published exam never change, save for their keys, which are not kept here.

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use sinaesta_contracts::exam::Question;
use sinaesta_contracts::exam_authoring::NewQuestion;
use sinaesta_contracts::{ExamId, page};
use sinaesta_store::StoreError;
use sqlx::PgConnection;

use crate::store::{exams, questions};

/// The questions of one exam, without their keys.
pub(crate) type Paper = Arc<[Question]>;

/// The papers this replica has met.
#[derive(Clone)]
pub(crate) struct Papers(Cache<ExamId, Paper>);

impl Papers {
    /// None yet, and never more than so many bytes of them.
    pub(crate) fn new(most_bytes: u64) -> Self {
        let weigh = |_: &ExamId, paper: &Paper| u32::try_from(page::bytes(paper.as_ref())).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(most_bytes).weigher(weigh).build())
    }

    /// The papers of those exams among `ids` that are published.
    pub(crate) async fn load(
        &self,
        db: &mut PgConnection,
        ids: impl Iterator<Item = ExamId>,
    ) -> Result<HashMap<ExamId, Paper>, StoreError> {
        let (mut found, mut missing) = (HashMap::new(), Vec::new());
        for id in ids {
            match self.0.get(&id) {
                Some(paper) => drop(found.insert(id, paper)),
                None => missing.push(id.0),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(found);
        }
        let exams = exams::find(db, &missing).await?;
        for (id, questions) in questions::load(db, &missing).await? {
            if exams.get(&id).is_some_and(exams::ExamRow::is_published) {
                let paper: Paper = (0..).zip(&questions).map(|(index, question)| shown(index, question)).collect();
                self.0.insert(id, Arc::clone(&paper));
                found.insert(id, paper);
            }
        }
        Ok(found)
    }
}

/// A question without its key.
fn shown(index: u16, question: &NewQuestion) -> Question {
    Question {
        index,
        kind: question.key.kind(),
        text: question.text.clone(),
        options: question.options.clone(),
        points: question.points,
        category: question.category.clone(),
    }
}
