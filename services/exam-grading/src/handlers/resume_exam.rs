//! `exam-resume`: lets the time run again, with as much left as when it was stopped.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::{Intervened, ResumeExam};
use sinaesta_contracts::{ExamId, UserId};
use time::OffsetDateTime;

use crate::context::Context;
use crate::domain::session::Session;
use crate::handlers::intervening::{Intervene, intervene, running_event};
use crate::handlers::one_by_one;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ResumeExam;

    async fn handle(&self, batch: &[Received<ResumeExam>]) -> Result<Vec<Outcome<Intervened>>, Failure> {
        one_by_one(batch, |one| intervene(&self.0, one)).await
    }
}

impl Intervene for ResumeExam {
    const KIND: &'static str = "resume";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    fn user(&self) -> Option<UserId> {
        self.user_id
    }

    fn change(one: &Received<Self>, session: &mut Session) -> bool {
        session.resume(one.stamped_at)
    }

    fn notify(session: &Session, at: OffsetDateTime) -> Result<Outbound, Failure> {
        running_event(session, at)
    }
}
