//! One file for each thing that can be asked of the service, and for each event it listens to.

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

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use sinaesta_bus::{Failure, Outbound};
use sinaesta_contracts::notification::{NewNotification, Notification, Notify, Priority};
use sinaesta_contracts::{Actor, Audience, Command, NotificationId, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Context;
use crate::domain::quiet;
use crate::store::inboxes::{self, State};
use crate::store::notifications::{Announcement, Made};
use crate::store::push;
use crate::store::seen::{self, Seen};

/// How long the broker may take to store a command that an event becomes.
const POST: Duration = Duration::from_secs(5);
/// How many commands that events become are on their way at once.
const AT_ONCE: usize = 64;

/// What readers are told of a batch's changes: read in one moment, after the changes are committed.
struct Told {
    states: HashMap<UserId, State>,
    seen: HashMap<(UserId, NotificationId), Seen>,
    now: OffsetDateTime,
}

impl Told {
    /// The inboxes of `users`, and those of `wanted` that are to be told of.
    async fn read(context: &Context, users: &[Uuid], wanted: &[(UserId, NotificationId)]) -> Result<Self, StoreError> {
        let mut db = context.snapshot().await?;
        let states = inboxes::states(&mut db, users).await?;
        let seen = seen::to_tell(&mut db, wanted).await?;
        db.commit().await?;
        let key = |one: &Seen| (one.notification.user_id, one.notification.id);
        let seen = seen.into_iter().map(|one| (key(&one), one)).collect();
        Ok(Self { states, seen, now: context.clock.now() })
    }

    fn state(&self, user: UserId) -> State {
        self.states.get(&user).cloned().unwrap_or_default()
    }

    /// To its reader's sockets, if they are to be told and this command made it what it is.
    fn tell(&self, user: UserId, id: NotificationId, by: Uuid) -> Result<Option<Outbound>, Failure> {
        let mine = self.seen.get(&(user, id)).filter(|seen| seen.caused_by == by);
        mine.map(|seen| self.deliver(seen.notification.clone())).transpose()
    }

    fn deliver(&self, notification: Notification) -> Result<Outbound, Failure> {
        let user = notification.user_id;
        let State { unread_count, version, preferences } = self.state(user);
        let is_silent = quiet::is_silent(&preferences, notification.kind, notification.priority, self.now);
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
    let announced = NewNotification { notification, unread_count: 0, version: 0, is_silent: false };
    Outbound::deliver(Audience::All, &announced)
}

/// How often something of this priority is told again, and when first.
fn repeats(context: &Context, priority: Priority, at: OffsetDateTime) -> Option<(i16, OffsetDateTime)> {
    let first = at + Duration::from_millis(context.settings.urgent_repeat_ms);
    (priority == Priority::Urgent).then_some((context.settings.urgent_repeats, first))
}

/// Puts what was made into the queue of what goes to closed browsers.
async fn enqueue(context: &Context, db: &mut PgConnection, made: &[Made]) -> Result<(), StoreError> {
    let own = made.iter().filter_map(|one| Some((UserId(one.user_id?), NotificationId(one.id))));
    enqueue_for(context, db, &own.collect::<Vec<_>>()).await?;
    let announced: Vec<Uuid> = made.iter().filter(|one| one.user_id.is_none()).map(|one| one.id).collect();
    if announced.is_empty() {
        return Ok(());
    }
    push::enqueue_announced(db, &announced, push_at(context)).await
}

/// The same for what certain readers see.
async fn enqueue_for(
    context: &Context,
    db: &mut PgConnection,
    readers: &[(UserId, NotificationId)],
) -> Result<(), StoreError> {
    if readers.is_empty() {
        return Ok(());
    }
    push::enqueue(db, readers, push_at(context)).await
}

fn push_at(context: &Context) -> OffsetDateTime {
    context.clock.now() + Duration::from_millis(context.settings.push_delay_ms)
}

/// Sends the commands that events become; the same event makes the same ids again.
async fn post<C: Command>(context: &Context, commands: Vec<(Uuid, C)>) -> Result<(), Failure> {
    let send = |(id, command): (Uuid, C)| async move { context.bus.post(id, &Actor::system(), &command, POST).await };
    let sent: Vec<_> = futures::stream::iter(commands).map(send).buffer_unordered(AT_ONCE).collect().await;
    let failed = sent.into_iter().find_map(Result::err);
    failed.map_or(Ok(()), |error| Err(Failure::Retry(error.message.into_owned())))
}

/// The id of the command by which somebody is told of something: `what` names it.
fn notify_id(notify: &Notify, what: &str) -> Uuid {
    Uuid::new_v5(&notify.user_id.0, what.as_bytes())
}

/// Each of them once.
pub(crate) fn distinct(users: impl IntoIterator<Item = UserId>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = users.into_iter().map(|user| user.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
