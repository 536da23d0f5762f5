//! Which students are in exams through sockets here. The exam service hears of each one's first and last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_bus::Answer;
use sinaesta_contracts::exam::{EnterExam, ExitExam, Participation};
use sinaesta_contracts::{Actor, Command, ErrorBody, ExamId, UserId, code};
use sinaesta_mutants::mutant;
use tokio::sync::oneshot;

use super::session::{Session, WasThere};
use crate::Gateway;

/// How long the exam service may take to note that somebody left.
const NOTED: Duration = Duration::from_secs(60);

struct Participant {
    actor: Actor,
    sockets: usize,
}

/// The students in exams here.
#[derive(Default)]
pub(crate) struct Participants(Mutex<HashMap<(ExamId, UserId), Participant>>);

/// What the exam service answers, later.
pub(crate) struct Noted(oneshot::Receiver<Answer>);

impl Noted {
    /// How many are in the exam then.
    pub(crate) async fn count(self) -> Result<Participation, ErrorBody> {
        let lost = || ErrorBody::new(code::UNAVAILABLE, "The server can't be reached right now");
        let reply = self.0.await.map_err(|_| lost())??;
        serde_json::from_str(reply.get()).map_err(|error| {
            tracing::error!(%error, "an answer can't be read");
            ErrorBody::new(code::INTERNAL, "Something went wrong on our side")
        })
    }
}

impl Participants {
    /// A socket is in an exam; `None` if it is gone already.
    pub(crate) fn arrive(&self, gateway: &Arc<Gateway>, session: &Session, exam_id: ExamId) -> Option<Noted> {
        let mut participants = self.0.lock();
        let WasThere(was_there) = session.enter_exam(exam_id)?;
        let participant = participants
            .entry((exam_id, session.actor.user_id))
            .or_insert_with(|| Participant { actor: session.actor.clone(), sockets: 0 });
        participant.sockets += usize::from(!was_there);
        // Sent under the lock, so that coming and going keep their order.
        Some(tell(gateway, session, EnterExam { exam_id, gateway_id: gateway.bus.id() }))
    }

    /// A socket is in an exam no more; what the service answers if it was the student's last one here.
    pub(crate) fn depart(&self, gateway: &Arc<Gateway>, session: &Session, exam_id: ExamId) -> Option<Noted> {
        let mut participants = self.0.lock();
        let key = (exam_id, session.actor.user_id);
        let participant = participants.get_mut(&key)?;
        participant.sockets = participant.sockets.saturating_sub(1);
        if participant.sockets > 0 && !mutant!("exam-closed-tab-is-leaving") {
            return None;
        }
        participants.remove(&key);
        Some(tell(gateway, session, ExitExam { exam_id, gateway_id: gateway.bus.id() }))
    }

    /// Says anew that everybody here is here.
    pub(crate) async fn announce_all(&self, gateway: &Arc<Gateway>) {
        let all: Vec<_> = self.0.lock().iter().map(|((exam, _), one)| (*exam, one.actor.clone())).collect();
        for (exam_id, actor) in all {
            let command = EnterExam { exam_id, gateway_id: gateway.bus.id() };
            if let Err(error) = gateway.bus.post(gateway.bus.new_id(), &actor, &command, NOTED).await {
                tracing::warn!(error = %error.message, %exam_id, user_id = %actor.user_id, "a participant is not up to date");
                // While the broker is away nobody can be announced: it is done again when it is back.
                if error.code == code::UNAVAILABLE {
                    return;
                }
            }
        }
    }
}

/// Sends a command in its order among those about the same user.
fn tell<C: Command>(gateway: &Arc<Gateway>, session: &Session, command: C) -> Noted {
    let (this, actor) = (Arc::clone(gateway), session.actor.clone());
    let (sender, noted) = oneshot::channel();
    session.user.queue.push_always(async move {
        match this.bus.dispatch(this.bus.new_id(), &actor, &command).await {
            Ok(sent) => drop(tokio::spawn(async move { sender.send(sent.answer(NOTED).await) })),
            Err(error) => drop(sender.send(Err(error))),
        }
    });
    Noted(noted)
}
