//! One file for each thing that can be asked of the service, and for each event it listens to.
//!
//! A command is decided once: its user's inbox is held, what is there is read, and the command's stamp decides whether it
//! is done now, was done before, or is refused. What it writes and tells is of that stamp; a repeat finds what was done.

pub mod clear_room;
pub mod exam_graded;
pub mod exam_scheduled;
pub mod find_readers;
pub mod group_invited;
pub mod list_notifications;
pub mod messages_posted;
pub mod notify;
pub mod people_overtaken;
pub mod read_all_notifications;
pub mod read_inboxes;
pub mod read_notification;
pub mod read_preferences;
pub mod read_push_key;
pub mod remove_announcements;
pub mod repeat_urgent;
pub mod room_read;
pub mod send_notification;
pub mod send_reminder;
pub mod sessions_begun;
pub mod set_preferences;
pub mod subscribe_push;
pub mod unsubscribe_push;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sinaesta_bus::{Failure, Outbound, Received};
use sinaesta_contracts::notification::{NewNotification, Notification, Notify, Priority};
use sinaesta_contracts::{Audience, NotificationId, Timestamp, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::{bounds, quiet};
use crate::store::inboxes::{self, State};
use crate::store::notifications::{self, Announcement, Draft, For};
use crate::store::seen::{self, Seen};
use crate::store::{commands, push};

/// What readers are told of a batch's changes: read in one moment, after the changes are committed.
struct Told {
    states: HashMap<UserId, State>,
    seen: HashMap<(UserId, NotificationId), Seen>,
}

impl Told {
    /// The inboxes of `users`, and those of `wanted` that are to be told of.
    async fn read(context: &Context, users: &[Uuid], wanted: &[(UserId, NotificationId)]) -> Result<Self, StoreError> {
        let mut db = crate::context::snapshot(&context.pool).await?;
        let states = inboxes::states(&mut db, users).await?;
        let seen = seen::to_tell(&mut db, wanted).await?;
        db.commit().await?;
        let key = |one: &Seen| (one.notification.user_id, one.notification.id);
        Ok(Self { states, seen: seen.into_iter().map(|one| (key(&one), one)).collect() })
    }

    fn state(&self, user: UserId) -> State {
        self.states.get(&user).cloned().unwrap_or_default()
    }

    /// To its reader's sockets, if they are to be told and this command made it what it is.
    fn tell<C>(&self, user: UserId, id: NotificationId, by: &Received<C>) -> Result<Option<Outbound>, Failure> {
        let mine = self
            .seen
            .get(&(user, id))
            .filter(|seen| seen.caused_by == by.id && !mutant!("notification-repeat-not-told-again"));
        mine.map(|seen| self.deliver(seen.notification.clone(), by.stamped_at)).transpose()
    }

    /// Whether it makes a sound is decided by when the command was stored that tells it.
    fn deliver(&self, notification: Notification, at: OffsetDateTime) -> Result<Outbound, Failure> {
        let user = notification.user_id;
        let State { unread_count, version, preferences } = self.state(user);
        let is_silent = quiet::is_silent(&preferences, notification.kind, notification.priority, at);
        Outbound::deliver(Audience::User(user), &NewNotification { notification, unread_count, version, is_silent })
    }
}

/// An announcement to everybody's sockets: the gateways put in what is each reader's own.
fn announce(announcement: Announcement) -> Result<Outbound, Failure> {
    let notification = Notification {
        id: announcement.id,
        user_id: UserId(Uuid::nil()),
        kind: announcement.kind,
        title: announcement.title,
        message: announcement.message,
        data: serde_json::from_str(&announcement.data).unwrap_or_default(),
        is_read: false,
        priority: announcement.priority,
        action_url: announcement.action_url,
        created_at: Timestamp(announcement.created_at),
        updated_at: Timestamp(announcement.updated_at),
        count: 1,
    };
    let notification = bounds::bounded(notification);
    let announced = NewNotification { notification, unread_count: 0, version: 0, is_silent: false };
    Outbound::deliver(Audience::All, &announced)
}

/// How often something of this priority is told again, and when first.
fn repeats(context: &Context, priority: Priority, at: OffsetDateTime) -> Option<(i16, OffsetDateTime)> {
    let first = at + Duration::from_millis(context.settings.urgent_repeat_ms);
    (priority == Priority::Urgent).then_some((context.settings.urgent_repeats, first))
}

/// Stores what was decided to be new. Whatever stands in its way was overlooked when that was decided. Of more unread ones than
/// an inbox may have, the oldest are read.
async fn insert(context: &Context, db: &mut PgConnection, drafts: &[Draft]) -> Result<(), Failure> {
    let made = notifications::insert(db, drafts).await?;
    if made.len() == drafts.len() {
        let users = distinct(drafts.iter().filter_map(|draft| to_push(draft).0));
        if let Some(at) = drafts.iter().map(|draft| draft.at).max().filter(|_| !users.is_empty()) {
            mutant!("notification-any-number-unread", return Ok(()));
            notifications::read_oldest(db, &users, context.settings.unread_per_user, at).await?;
        }
        return Ok(());
    }
    let made: HashSet<Uuid> = made.into_iter().map(|one| one.id).collect();
    let missing: Vec<_> = drafts.iter().map(|one| one.id.0).filter(|id| !made.contains(id)).collect();
    Err(Failure::Reject(format!("notifications that were to be new are there, or their topics are: {missing:?}")))
}

/// Notes a batch's commands as done; gives those that were not. Of two with one id, the first one is to take it out.
async fn claim<C>(db: &mut PgConnection, batch: &[Received<C>]) -> Result<HashSet<Uuid>, StoreError> {
    let done: Vec<_> = batch.iter().map(|one| (one.id, one.stamped_at)).collect();
    commands::claim(db, &done).await
}

/// Something that is told at a moment: of whom, or of everybody.
type ToPush = (Option<UserId>, NotificationId, OffsetDateTime);

/// Puts what is told into the queue of what goes to closed browsers: due a while after it is told.
async fn enqueue(context: &Context, db: &mut PgConnection, told: &[ToPush]) -> Result<(), StoreError> {
    let due = |at: OffsetDateTime| at + Duration::from_millis(context.settings.push_delay_ms);
    let own: Vec<_> = told.iter().filter_map(|(user, id, at)| Some(((*user)?, *id, due(*at)))).collect();
    if !own.is_empty() {
        push::enqueue(db, &own).await?;
    }
    let announced = told.iter().filter(|(user, ..)| user.is_none());
    let announced: Vec<_> = announced.map(|(_, id, at)| (*id, due(*at))).collect();
    if !announced.is_empty() {
        push::enqueue_announced(db, &announced).await?;
    }
    Ok(())
}

/// A new notification is told when its command was stored.
fn to_push(draft: &Draft) -> ToPush {
    let user = match draft.for_whom {
        For::User(user) => Some(user),
        For::Audience(_) | For::Exam(..) => None,
    };
    (user, draft.id, draft.at)
}

/// The id of the command by which somebody is told of something: `what` names it.
pub(crate) fn notify_id(notify: &Notify, what: &str) -> Uuid {
    Uuid::new_v5(&notify.user_id.0, what.as_bytes())
}

/// Each of them once.
pub(crate) fn distinct(users: impl IntoIterator<Item = UserId>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = users.into_iter().map(|user| user.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
