//! The system tells somebody of something that happened.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{Notice, Notify};
use sinaesta_contracts::{Actor, NotificationId, RoomId, SessionId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Context;
use crate::domain::notice;
use crate::handlers::{Told, distinct, enqueue, repeats};
use crate::store::notifications::{self, Draft, For};
use crate::store::{exams, inboxes, seen};

/// How much of what came during an exam is told one by one when it ends; the rest is in the list.
const TOLD_AFTERWARDS: i64 = 20;

pub struct Handler {
    context: Context,
    zone: TimeZone,
}

impl Handler {
    pub(crate) fn new(context: Context) -> Result<Self, jiff::Error> {
        let zone = TimeZone::get(&context.settings.time_zone)?;
        Ok(Self { context, zone })
    }
}

impl CommandHandler for Handler {
    type Command = Notify;

    async fn handle(&self, batch: &[Received<Notify>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.context;
        let users = distinct(batch.iter().map(|one| one.command.user_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let ended = self.end_sittings(&mut db, batch).await?;
        let rooms = gather(batch);
        let raised = self.raise(&mut db, &rooms).await?;
        let once = batch.iter().filter_map(|one| {
            let id = notice::id(one.command.user_id, &one.command.notice, &self.zone)?;
            Some(self.draft(one.command.user_id, &one.command.notice, id, one))
        });
        let first = rooms.values().filter(|room| !raised.contains(&(room.user, room.room))).map(|room| {
            let id = Uuid::new_v5(&room.user.0, format!("{}.{}", room.room, room.first_seq).as_bytes());
            self.draft(room.user, &room.notice(), NotificationId(id), room.last)
        });
        let mut drafts: Vec<Draft> = once.chain(first).collect();
        // Of one thing that two commands tell, the first counts.
        drafts.sort_by_key(|one| one.id);
        drafts.dedup_by_key(|one| one.id);
        let mut new = notifications::insert(&mut db, &drafts).await?;
        inboxes::touch(&mut db, &users).await?;
        let held_back = seen::held_back(&mut db, &ended, TOLD_AFTERWARDS).await?;
        new.extend(held_back.values().flatten().map(|one| one.id.0));
        enqueue(context, &mut db, &new).await?;
        let unread = notifications::unread_of_rooms(&mut db, &rooms.keys().copied().collect::<Vec<_>>()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let of_rooms: HashMap<(UserId, String), NotificationId> =
            unread.into_iter().map(|one| ((one.user_id, one.topic), one.id)).collect();
        let id = |one: &Received<Notify>| {
            let Notify { user_id, notice } = &one.command;
            match notice {
                Notice::MessagesWaiting { room_id, .. } => {
                    of_rooms.get(&(*user_id, notifications::topic(room_id))).copied()
                }
                _ => notice::id(*user_id, notice, &self.zone),
            }
        };
        let mut wanted: Vec<_> = batch.iter().filter_map(|one| Some((one.command.user_id, id(one)?))).collect();
        wanted.extend(held_back.values().flatten().map(|one| (one.user_id, one.id)));
        let told = Told::read(context, &users, &wanted).await?;
        let outcome = |one: &Received<Notify>| {
            let mut outcome = Outcome::done(());
            let own = id(one);
            if matches!(one.command.notice, Notice::ExamGraded { .. }) {
                outcome.outbound = afterwards(&told, held_back.get(&one.command.user_id), own)?;
            }
            if let Some(id) = own {
                outcome.outbound.extend(told.tell(one.command.user_id, id, one.id)?);
            }
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}

/// The messages of one room that one user is to be told of, gathered from a batch.
struct Waiting<'b> {
    user: UserId,
    room: &'b RoomId,
    first_seq: i64,
    last_seq: i64,
    /// The command with the latest of them.
    last: &'b Received<Notify>,
}

impl Waiting<'_> {
    /// As one notice, from `first_seq` on.
    fn notice(&self) -> Notice {
        let mut notice = self.last.command.notice.clone();
        if let Notice::MessagesWaiting { first_seq, last_seq, .. } = &mut notice {
            (*first_seq, *last_seq) = (self.first_seq, self.last_seq);
        }
        notice
    }
}

fn gather(batch: &[Received<Notify>]) -> HashMap<(UserId, &RoomId), Waiting<'_>> {
    let mut rooms: HashMap<(UserId, &RoomId), Waiting<'_>> = HashMap::new();
    for one in batch {
        let Notice::MessagesWaiting { room_id, first_seq, last_seq, .. } = &one.command.notice else { continue };
        let (user, room) = (one.command.user_id, room_id);
        let waiting = rooms.entry((user, room)).or_insert(Waiting {
            user,
            room,
            first_seq: *first_seq,
            last_seq: *last_seq,
            last: one,
        });
        waiting.first_seq = waiting.first_seq.min(*first_seq);
        if *last_seq > waiting.last_seq {
            (waiting.last_seq, waiting.last) = (*last_seq, one);
        }
    }
    rooms
}

/// What came during the exam, but for the notice that ends it.
fn afterwards(
    told: &Told,
    held_back: Option<&Vec<sinaesta_contracts::notification::Notification>>,
    own: Option<NotificationId>,
) -> Result<Vec<Outbound>, Failure> {
    let others = held_back.into_iter().flatten().filter(|one| Some(one.id) != own);
    let still = others.filter_map(|one| told.seen.get(&(one.user_id, one.id)));
    still.map(|seen| told.deliver(seen.notification.clone())).collect()
}

impl Handler {
    /// Exams that are graded are sat no more; gives the sittings.
    async fn end_sittings(
        &self,
        db: &mut PgConnection,
        batch: &[Received<Notify>],
    ) -> Result<Vec<SessionId>, StoreError> {
        let ended: Vec<_> = batch
            .iter()
            .filter_map(|one| match one.command.notice {
                Notice::ExamGraded { session_id, exam_id, key_version: 1, .. } => {
                    Some((session_id, exam_id, one.command.user_id))
                }
                _ => None,
            })
            .collect();
        if !ended.is_empty() {
            exams::end_sittings(db, &ended, self.context.clock.now()).await?;
            inboxes::update_holds(db, &distinct(ended.iter().map(|(_, _, user)| *user))).await?;
        }
        Ok(ended.into_iter().map(|(session, _, _)| session).collect())
    }

    /// Lets the unread notifications of rooms stand for these messages, too; says of which there are some.
    async fn raise<'b>(
        &self,
        db: &mut PgConnection,
        rooms: &HashMap<(UserId, &'b RoomId), Waiting<'b>>,
    ) -> Result<Vec<(UserId, &'b RoomId)>, StoreError> {
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let unread = notifications::unread_of_rooms(db, &rooms.keys().copied().collect::<Vec<_>>()).await?;
        let (mut drafts, mut raised) = (Vec::new(), Vec::new());
        for known in unread {
            let waiting =
                rooms.values().find(|one| one.user == known.user_id && notifications::topic(one.room) == known.topic);
            let Some(waiting) = waiting else { continue };
            raised.push((waiting.user, waiting.room));
            if waiting.last_seq > known.last_seq {
                let all = Waiting { first_seq: known.first_seq, ..*waiting };
                drafts.push(self.draft(waiting.user, &all.notice(), known.id, waiting.last));
            }
        }
        notifications::raise(db, &drafts).await?;
        Ok(raised)
    }

    fn draft(&self, user: UserId, notice: &Notice, id: NotificationId, one: &Received<Notify>) -> Draft {
        let text = notice::text(notice);
        let room = match notice {
            Notice::MessagesWaiting { room_id, first_seq, last_seq, .. } => {
                Some((room_id.clone(), *first_seq, *last_seq))
            }
            _ => None,
        };
        Draft {
            id,
            for_whom: For::User(user),
            kind: text.kind,
            priority: text.priority,
            title: text.title,
            message: text.message,
            data: text.data.to_string(),
            action_url: Some(text.action_url),
            room,
            sent_by: Actor::system().user_id,
            caused_by: one.id,
            at: one.stamped_at,
            repeats: repeats(&self.context, text.priority, one.stamped_at),
        }
    }
}
