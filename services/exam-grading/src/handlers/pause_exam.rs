//! `exam-pause`: stops the time.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::{ExamPaused, Intervened, PauseExam};
use sinaesta_contracts::{Audience, ExamId, UserId};

use crate::Context;
use crate::domain::session::Session;
use crate::handlers::intervening::{Intervene, intervene};
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
        // One whose time is over is left to its clock.
        if session.paused_at.is_some() || one.stamped_at >= session.ends_at {
            return false;
        }
        session.paused_at = Some(one.stamped_at);
        true
    }

    fn tell(context: &Context, session: &Session) -> Result<Outbound, Failure> {
        let time_remaining = session.time_remaining(context.clock.now());
        Outbound::deliver(Audience::User(session.user_id), &ExamPaused { exam_id: session.exam_id, time_remaining })
    }
}
