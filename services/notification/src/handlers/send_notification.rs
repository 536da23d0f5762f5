//! `notification-send`: tells oneself, another user, or an audience.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sinaesta_bus::{CommandHandler, Failure, Outcome, Received};
use sinaesta_contracts::notification::{NotificationSent, SendNotification};
use sinaesta_contracts::{ErrorBody, NotificationId, Timestamp, UserId, code};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::context::Context;
use crate::domain::sending::{self, To};
use crate::handlers::{Told, announce, distinct, enqueue, insert, repeats, to_push};
use crate::store::inboxes;
use crate::store::notifications::{self, Announcement, Draft, For, Stored};

pub struct Handler(pub(crate) Context);

/// A command that is not refused.
#[derive(Clone)]
struct Sent {
    /// Whose the notification is; empty: an announcement.
    user: Option<UserId>,
    /// When it was made.
    at: OffsetDateTime,
    /// Empty: it is stored already, or this is the same command once more in the batch.
    new: Option<Draft>,
}

impl Sent {
    fn new(draft: Draft) -> Self {
        Self { user: user(&draft), at: draft.at, new: Some(draft) }
    }

    const fn known(stored: &Stored) -> Self {
        Self { user: stored.user_id, at: stored.created_at, new: None }
    }
}

impl CommandHandler for Handler {
    type Command = SendNotification;

    async fn handle(&self, batch: &[Received<SendNotification>]) -> Result<Vec<Outcome<NotificationSent>>, Failure> {
        let context = &self.0;
        let rules: Vec<_> = batch.iter().map(|one| sending::decide(&one.actor, &one.command)).collect();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let known = inboxes::known(&mut db, &distinct(rules.iter().filter_map(to_user))).await?;
        inboxes::hold(&mut db, &distinct(known.iter().copied())).await?;
        if rules.iter().any(|to| matches!(to, Ok(To::Audience(_)))) {
            inboxes::hold_announcements(&mut db).await?;
        }
        let stored = notifications::stored(&mut db, &batch.iter().map(|one| one.id).collect::<Vec<_>>()).await?;
        let senders = distinct(batch.iter().map(|one| one.actor.user_id));
        let at = batch.iter().map(|one| one.stamped_at).max().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let most = context.settings.sent_per_user_daily;
        let sent = notifications::sent_since(&mut db, &senders, at - Duration::days(1), most).await?;
        let decided = decide(context, batch, rules, &known.into_iter().collect(), &stored, sent);
        let drafts: Vec<Draft> = decided.iter().filter_map(|one| one.as_ref().ok()?.new.clone()).collect();
        insert(context, &mut db, &drafts).await?;
        inboxes::touch(&mut db, &distinct(drafts.iter().filter_map(user))).await?;
        if drafts.iter().any(|draft| user(draft).is_none()) {
            mutant!("badge-of-announcements", (), inboxes::touch_announcements(&mut db).await?);
        }
        enqueue(context, &mut db, &drafts.iter().map(to_push).collect::<Vec<_>>()).await?;
        let sent: Vec<_> =
            batch.iter().zip(&decided).filter_map(|(one, sent)| Some((one.id, sent.as_ref().ok()?.user))).collect();
        let announced: Vec<Uuid> = sent.iter().filter(|(_, user)| user.is_none()).map(|(id, _)| *id).collect();
        let announcements = notifications::announcements(&mut db, &announced).await?;
        let commit = db.commit();
        mutant!("notification-before-its-commit", drop(tokio::spawn(commit)), commit.await.map_err(StoreError::from)?);
        let announcements: HashMap<_, _> = announcements.into_iter().map(|(one, _)| (one.id, one)).collect();
        let wanted: Vec<_> = sent.iter().filter_map(|(id, user)| Some(((*user)?, NotificationId(*id)))).collect();
        let told = Told::read(context, &distinct(wanted.iter().map(|(user, _)| *user)), &wanted).await?;
        batch.iter().zip(decided).map(|(one, sent)| outcome(one, sent, &told, &announcements)).collect()
    }
}

fn to_user(to: &Result<To, ErrorBody>) -> Option<UserId> {
    match to {
        Ok(To::User(user)) => Some(*user),
        Ok(To::Audience(_)) | Err(_) => None,
    }
}

/// Decides about each command once: what is stored was decided before, by the rules of then.
fn decide(
    context: &Context,
    batch: &[Received<SendNotification>],
    rules: Vec<Result<To, ErrorBody>>,
    known: &HashSet<UserId>,
    stored: &HashMap<Uuid, Stored>,
    mut sent: HashMap<UserId, (i64, OffsetDateTime)>,
) -> Vec<Result<Sent, ErrorBody>> {
    let mut decided: HashMap<Uuid, Result<Sent, ErrorBody>> = HashMap::new();
    let decide = |(one, to): (&Received<SendNotification>, Result<To, ErrorBody>)| {
        if let Some(first) = decided.get(&one.id).filter(|_| !mutant!("notification-copy-is-stored-twice")) {
            return first.clone().map(|sent| Sent { new: None, ..sent });
        }
        let decision = match (stored.get(&one.id), to) {
            (Some(stored), _) => Ok(Sent::known(stored)),
            (None, Err(error)) => Err(error),
            (None, Ok(To::User(user))) if !known.contains(&user) => {
                Err(ErrorBody::new(code::NOTIFICATION_NO_USER, "There is no such user").on_field("userId"))
            }
            (None, Ok(to)) => may_send(context, one, &mut sent).map(|()| {
                let for_whom = match to {
                    To::User(user) => For::User(user),
                    To::Audience(audience) => For::Audience(audience),
                };
                Sent::new(draft(context, one, for_whom))
            }),
        };
        decided.insert(one.id, decision.clone());
        decision
    };
    batch.iter().zip(rules).map(decide).collect()
}

/// Counts one more notification that somebody sends, if it is not one too many.
fn may_send(
    context: &Context,
    one: &Received<SendNotification>,
    sent: &mut HashMap<UserId, (i64, OffsetDateTime)>,
) -> Result<(), ErrorBody> {
    let most = context.settings.sent_per_user_daily;
    let (count, first) = sent.entry(one.actor.user_id).or_insert((0, one.stamped_at));
    if *count >= most && !mutant!("notification-any-number-a-day") {
        let left = (*first + Duration::days(1) - one.stamped_at).whole_milliseconds();
        let error = ErrorBody::new(code::NOTIFICATION_TOO_MANY, format!("You may send {most} notifications a day"));
        return Err(ErrorBody { retry_after_ms: Some(u64::try_from(left).unwrap_or_default().max(1)), ..error });
    }
    *count += 1;
    Ok(())
}

fn draft(context: &Context, one: &Received<SendNotification>, for_whom: For) -> Draft {
    let sent = &one.command;
    Draft {
        id: NotificationId(one.id),
        for_whom,
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

fn outcome(
    one: &Received<SendNotification>,
    sent: Result<Sent, ErrorBody>,
    told: &Told,
    announcements: &HashMap<NotificationId, Announcement>,
) -> Result<Outcome<NotificationSent>, Failure> {
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) => return Ok(Outcome::refused(error)),
    };
    let id = NotificationId(one.id);
    let outbound = match sent.user {
        Some(user) => told.tell(user, id, one)?,
        None => announcements.get(&id).cloned().map(announce).transpose()?,
    };
    let mut outcome = Outcome::done(NotificationSent { notification_id: id, timestamp: Timestamp(sent.at) });
    outcome.outbound.extend(outbound);
    Ok(outcome)
}
