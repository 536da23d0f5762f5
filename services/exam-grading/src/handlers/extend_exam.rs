//! `exam-extend`: gives more time.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::proctoring::{ExtendExam, Intervened};
use sinaesta_contracts::{ExamId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::context::Context;
use crate::domain::session::Session;
use crate::handlers::intervening::{Intervene, end_event, intervene};
use crate::handlers::one_by_one;
use crate::store::exams;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = ExtendExam;

    async fn handle(&self, batch: &[Received<ExtendExam>]) -> Result<Vec<Outcome<Intervened>>, Failure> {
        one_by_one(batch, |one| intervene(&self.0, one)).await
    }
}

impl Intervene for ExtendExam {
    const KIND: &'static str = "extend";

    fn exam(&self) -> ExamId {
        self.exam_id
    }

    fn user(&self) -> Option<UserId> {
        self.user_id
    }

    fn change(one: &Received<Self>, session: &mut Session) -> bool {
        session.extend(Duration::minutes(i64::from(one.command.minutes.get())));
        true
    }

    fn notify(session: &Session, at: OffsetDateTime) -> Result<Outbound, Failure> {
        end_event(session, at)
    }

    /// Whoever joins a synchronised exam later gets the time that all have.
    async fn change_exam(one: &Received<Self>, db: &mut PgConnection) -> Result<(), StoreError> {
        mutant!("exam-extension-forgets-who-joins-later", return Ok(()));
        let minutes = i32::try_from(one.command.minutes.get()).unwrap_or_default();
        exams::extend(db, one.command.exam_id, minutes).await
    }
}
