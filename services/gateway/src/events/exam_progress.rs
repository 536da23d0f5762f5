//! `exam-progress`: keeps where the student is.

use sinaesta_contracts::exam::{ExamProgressSaved, SaveProgress};

use super::Call;

pub(crate) async fn handle(call: Call, event: SaveProgress) {
    call.command(event, async |call: Call, answer| call.respond_as::<ExamProgressSaved>(answer)).await;
}
