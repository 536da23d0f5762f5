//! `notification-send`: tells oneself, another user, or an audience.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::notification::{NotificationSent, SendNotification};
use sinaesta_contracts::{ErrorBody, NotificationId, Timestamp, UserId, code};
use sinaesta_store::StoreError;
use uuid::Uuid;

use crate::Context;
use crate::domain::sending::{self, To};
use crate::handlers::{Told, announce, distinct, enqueue, repeats};
use crate::store::inboxes;
use crate::store::notifications::{self, Announcement, Draft, For};

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = SendNotification;

    async fn handle(&self, batch: &[Received<SendNotification>]) -> Result<Vec<Outcome<NotificationSent>>, Failure> {
        let context = &self.0;
        let decided: Vec<_> = batch.iter().map(|one| sending::decide(&one.actor, &one.command)).collect();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let users = distinct(decided.iter().filter_map(to_user));
        let known: HashSet<UserId> = inboxes::known(&mut db, &users).await?.into_iter().collect();
        let decided: Vec<_> = decided.into_iter().map(|to| check_known(to?, &known)).collect();
        let admitted = batch.iter().zip(&decided).filter_map(|(one, to)| Some((one, to.as_ref().ok()?)));
        let drafts: Vec<Draft> = admitted.map(|(one, to)| draft(context, one, to)).collect();
        let new = notifications::insert(&mut db, &drafts).await?;
        inboxes::touch(&mut db, &distinct(decided.iter().filter_map(to_user))).await?;
        let announced: Vec<Uuid> = drafts.iter().filter(|one| is_announcement(one)).map(|one| one.id.0).collect();
        if new.iter().any(|one| one.user_id.is_none()) {
            inboxes::touch_announcements(&mut db).await?;
        }
        enqueue(context, &mut db, &new).await?;
        let announcements = notifications::announcements(&mut db, &announced).await?;
        db.commit().await.map_err(StoreError::from)?;
        let mut announcements: HashMap<_, _> = announcements.into_iter().map(|(one, _)| (one.id, one)).collect();
        let wanted: Vec<_> = drafts.iter().filter_map(|one| Some((user(one)?, one.id))).collect();
        let told = Told::read(context, &distinct(wanted.iter().map(|(user, _)| *user)), &wanted).await?;
        batch.iter().zip(decided).map(|(one, to)| outcome(one, to, &told, &mut announcements)).collect()
    }
}

fn to_user(to: &Result<To, ErrorBody>) -> Option<UserId> {
    match to {
        Ok(To::User(user)) => Some(*user),
        Ok(To::Audience(_)) | Err(_) => None,
    }
}

fn check_known(to: To, known: &HashSet<UserId>) -> Result<To, ErrorBody> {
    match &to {
        To::User(user) if !known.contains(user) => {
            Err(ErrorBody::new(code::NOTIFICATION_NO_USER, "There is no such user").on_field("userId"))
        }
        _ => Ok(to),
    }
}

fn draft(context: &Context, one: &Received<SendNotification>, to: &To) -> Draft {
    let sent = &one.command;
    Draft {
        id: NotificationId(one.id),
        for_whom: match to {
            To::User(user) => For::User(*user),
            To::Audience(audience) => For::Audience(audience.clone()),
        },
        kind: sent.kind,
        priority: sent.priority,
        title: sent.title.as_str().to_owned(),
        message: sent.message.as_str().to_owned(),
        data: Value::from(sent.data.clone()).to_string(),
        action_url: sent.action_url.as_ref().map(|url| url.as_str().to_owned()),
        room: None,
        sent_by: one.actor.user_id,
        caused_by: one.id,
        at: one.stamped_at,
        repeats: repeats(context, sent.priority, one.stamped_at),
    }
}

const fn user(draft: &Draft) -> Option<UserId> {
    match draft.for_whom {
        For::User(user) => Some(user),
        For::Audience(_) | For::Exam(..) => None,
    }
}

const fn is_announcement(draft: &Draft) -> bool {
    user(draft).is_none()
}

fn outcome(
    one: &Received<SendNotification>,
    to: Result<To, ErrorBody>,
    told: &Told,
    announcements: &mut HashMap<NotificationId, Announcement>,
) -> Result<Outcome<NotificationSent>, Failure> {
    let id = NotificationId(one.id);
    let outbound = match to {
        Err(error) => return Ok(Outcome::refused(error)),
        Ok(To::User(user)) => told.tell(user, id, one.id)?,
        Ok(To::Audience(_)) => announcements.remove(&id).map(announce).transpose()?,
    };
    let mut outcome = Outcome::done(NotificationSent { notification_id: id, timestamp: Timestamp(one.stamped_at) });
    outcome.outbound.extend(outbound);
    Ok(outcome)
}
