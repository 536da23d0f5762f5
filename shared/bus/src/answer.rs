//! Answers to commands and queries on the wire.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sinaesta_contracts::ErrorBody;
use uuid::Uuid;

/// What came of a request: the reply's JSON as the service wrote it, or why it was refused.
pub type Answer = Result<Arc<RawValue>, ErrorBody>;

/// One answer among those of a batch; all answers to one sender travel together.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AnswerLine {
    pub(crate) id: Uuid,
    pub(crate) body: AnswerBody,
}

/// An answer as JSON: `{"ok": …}` or `{"error": …}`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AnswerBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ok: Option<Arc<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorBody>,
}

impl From<Answer> for AnswerBody {
    fn from(answer: Answer) -> Self {
        match answer {
            Ok(reply) => Self { ok: Some(reply), error: None },
            Err(error) => Self { ok: None, error: Some(error) },
        }
    }
}

impl AnswerBody {
    pub(crate) fn into_answer(self) -> Answer {
        match self.error {
            Some(error) => Err(error),
            // `()` is written as null, which reads back as a missing value.
            None => Ok(self.ok.unwrap_or_else(|| RawValue::NULL.to_owned().into())),
        }
    }
}
