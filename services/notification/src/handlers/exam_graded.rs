//! `event.exam.graded`: the student is told, and what the exam held back comes.

use sinaesta_bus::{EventHandler, Failure, Heard, Outbound};
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::notification::{Notice, Notify};

use crate::context::Context;
use crate::handlers::notify_id;
use crate::posting::post;

pub struct Handler(pub(crate) Context);

impl EventHandler for Handler {
    type Event = ExamGraded;

    async fn handle(&self, batch: &[Heard<ExamGraded>]) -> Result<Vec<Outbound>, Failure> {
        let command = |one: &Heard<ExamGraded>| {
            let graded = &one.event;
            let notice = Notice::ExamGraded {
                exam_id: graded.exam_id,
                exam_title: graded.exam_title.clone(),
                session_id: graded.session_id,
                result_id: graded.result_id,
                key_version: graded.key_version,
                is_correction: graded.is_correction,
                score: graded.score.to_string(),
                max_score: graded.max_score.to_string(),
            };
            let notify = Notify { user_id: graded.user_id, notice };
            (notify_id(&notify, &format!("graded.{}.{}", graded.result_id, graded.key_version)), notify)
        };
        post(&self.0, batch.iter().map(command).collect()).await?;
        Ok(Vec::new())
    }
}
