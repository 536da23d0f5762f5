//! An exam's reminder is due: its students are told, once.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::notification::SendReminder;
use sinaesta_contracts::{Actor, NotificationId};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::domain::{notice, reminder};
use crate::handlers::{announce, enqueue, repeats};
use crate::store::notifications::{self, Draft, For};
use crate::store::{exams, inboxes};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SendReminder;

    async fn handle(&self, batch: &[Received<SendReminder>]) -> Result<Vec<Outcome<()>>, Failure> {
        one_by_one(batch, |one| remind(&self.0, one)).await
    }
}

async fn remind(context: &Context, one: &Received<SendReminder>) -> Result<Outcome<()>, Failure> {
    let SendReminder { exam_id, lead_minutes } = one.command;
    let mut db = context.pool.begin().await.map_err(StoreError::from)?;
    // Moved or withdrawn since it was noticed.
    let Some(due) = exams::hold_reminder(&mut db, exam_id, lead_minutes).await? else {
        return Ok(Outcome::done(()));
    };
    // Sent by another command, or noticed by a clock that is ahead of the broker's.
    if due.sent_by.is_some_and(|by| by != one.id) || one.stamped_at < due.due_at {
        return Ok(Outcome::done(()));
    }
    exams::sent_reminder(&mut db, exam_id, lead_minutes, one.id).await?;
    let what = format!("starts.{lead_minutes}.{}", due.moved_at.unix_timestamp_nanos());
    let id = NotificationId(Uuid::new_v5(&exam_id.0, what.as_bytes()));
    if due.sent_by.is_none() && reminder::is_worth_sending(due.starts_at, lead_minutes, one.stamped_at) {
        let text = notice::reminder(exam_id, &due.exam_title, lead_minutes, due.starts_at);
        let draft = Draft {
            id,
            for_whom: For::Exam(exam_id, due.specialty),
            kind: text.kind,
            priority: text.priority,
            title: text.title,
            message: text.message,
            data: text.data.to_string(),
            action_url: Some(text.action_url),
            room: None,
            sent_by: Actor::system().user_id,
            caused_by: one.id,
            at: one.stamped_at,
            repeats: repeats(context, text.priority, one.stamped_at),
        };
        let new = notifications::insert(&mut db, &[draft]).await?;
        inboxes::touch_announcements(&mut db).await?;
        enqueue(context, &mut db, &new).await?;
    }
    // A repeat of this very command says again what it said.
    let announcement = notifications::announcements(&mut db, &[id.0]).await?.pop();
    db.commit().await.map_err(StoreError::from)?;
    let mut outcome = Outcome::done(());
    if let Some((announcement, _)) = announcement {
        outcome.outbound.push(announce(announcement)?);
    }
    Ok(outcome)
}
