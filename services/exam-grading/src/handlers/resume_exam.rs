//! `exam-resume`: lets the time run again, with as much left as when it was stopped.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::{ExamResumed, Intervened, ResumeExam};
use sinaesta_contracts::{Audience, ExamId, Timestamp, UserId};

use crate::Context;
use crate::domain::session::Session;
use crate::handlers::intervening::{Intervene, intervene};
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
        let Some(since) = session.paused_at.take() else { return false };
        // What was paused before its beginning loses no time by it.
        session.ends_at += one.stamped_at - since.max(session.started_at.min(one.stamped_at));
        true
    }

    fn tell(context: &Context, session: &Session) -> Result<Outbound, Failure> {
        let (ends_at, server_time) = (Timestamp(session.ends_at), Timestamp(context.clock.now()));
        let event = ExamResumed { exam_id: session.exam_id, ends_at, server_time };
        Outbound::deliver(Audience::User(session.user_id), &event)
    }
}
