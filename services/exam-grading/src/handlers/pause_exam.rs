//! `exam-pause`: stops the time.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::{Intervened, PauseExam};
use sinaesta_contracts::{ExamId, UserId};
use time::OffsetDateTime;

use crate::context::Context;
use crate::domain::session::Session;
use crate::handlers::intervening::{Intervene, intervene, running_event};
use crate::handlers::one_by_one;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = PauseExam;

    async fn handle(&self, batch: &[Received<PauseExam>]) -> Result<Vec<Outcome<Intervened>>, Failure> {
        one_by_one(batch, |one| intervene(&self.0, one)).await
    }
}

impl Intervene for PauseExam {
    const KIND: &'static str = "pause";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    fn user(&self) -> Option<UserId> {
        self.user_id
    }

    fn change(one: &Received<Self>, session: &mut Session) -> bool {
        session.pause(one.stamped_at)
    }

    fn notify(session: &Session, at: OffsetDateTime) -> Result<Outbound, Failure> {
        running_event(session, at)
    }
}
