//! `exam-answer`: keeps one answer.

use sinaesta_contracts::exam::{ExamAnswerSaved, SaveAnswer};

use super::Call;

pub(crate) async fn handle(call: Call, event: SaveAnswer) {
    call.command(event, async |call: Call, answer| call.respond_as::<ExamAnswerSaved>(answer)).await;
}
