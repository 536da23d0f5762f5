//! An exam's reminder is due: its students are told, once.

use sinaesta_bus::{CommandHandler, Failure, Outcome, Received, one_by_one};
use sinaesta_contracts::notification::SendReminder;
use sinaesta_contracts::{Actor, NotificationId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::{notice, reminder};
use crate::handlers::{announce, enqueue, insert, repeats, to_push};
use crate::store::exams::{self, Reminder};
use crate::store::inboxes;
use crate::store::notifications::{self, Draft, For};

pub struct Handler(pub(crate) Context);

/// What is decided about a command.
enum Decision {
    /// It sends the reminder.
    Send,
    /// It has sent it: whatever it told is told again.
    Known,
    /// The reminder is another command's, is not due by this one's stamp, or was withdrawn.
    Nothing,
}

fn decide(reminder: &Reminder, one: &Received<SendReminder>) -> Decision {
    match reminder.sent_by {
        Some(by) if by == one.id => Decision::Known,
        Some(_) => Decision::Nothing,
        None if one.stamped_at < reminder.due_at && !mutant!("reminder-comes-early") => Decision::Nothing,
        None => Decision::Send,
    }
}

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
    let what = format!("starts.{lead_minutes}.{}", due.moved_at.unix_timestamp_nanos());
    let id = NotificationId(Uuid::new_v5(&exam_id.0, what.as_bytes()));
    match decide(&due, one) {
        Decision::Nothing => return Ok(Outcome::done(())),
        Decision::Known => {}
        Decision::Send => {
            exams::sent_reminder(&mut db, exam_id, lead_minutes, one.id).await?;
            let is_stored = notifications::existing(&mut db, &[id.0]).await?.contains(&id.0);
            if !is_stored && reminder::is_worth_sending(due.starts_at, lead_minutes, one.stamped_at) {
                let draft = draft(context, one, id, due);
                inboxes::hold_announcements(&mut db).await?;
                insert(context, &mut db, std::slice::from_ref(&draft)).await?;
                mutant!("badge-of-reminders", (), inboxes::touch_announcements(&mut db).await?);
                enqueue(context, &mut db, &[to_push(&draft)]).await?;
            }
        }
    }
    let announcement = notifications::announcements(&mut db, &[id.0]).await?.pop();
    db.commit().await.map_err(StoreError::from)?;
    let mut outcome = Outcome::done(());
    if let Some((announcement, _)) = announcement {
        outcome.outbound.push(announce(announcement)?);
    }
    Ok(outcome)
}

fn draft(context: &Context, one: &Received<SendReminder>, id: NotificationId, due: Reminder) -> Draft {
    let SendReminder { exam_id, lead_minutes } = one.command;
    let text = notice::reminder(exam_id, &due.exam_title, lead_minutes, due.starts_at);
    Draft {
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
    }
}
