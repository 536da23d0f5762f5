//! The system tells somebody of something that happened.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{Notice, Notification, Notify};
use sinaesta_contracts::{Actor, NotificationId, RoomId, SessionId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Context;
use crate::domain::notice;
use crate::handlers::{Told, distinct, enqueue, enqueue_for, repeats};
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
        inboxes::touch(&mut db, &users).await?;
        let ended = self.end_sittings(&mut db, batch).await?;
        let mut rooms = gather(batch);
        let raised = self.raise(&mut db, &rooms).await?;
        rooms.retain(|key, _| !raised.contains(key));
        self.skip_known(&mut db, &mut rooms).await?;
        let once = batch.iter().filter_map(|one| {
            let id = self.id(one)?;
            Some(self.draft(one.command.user_id, &one.command.notice, id, one))
        });
        let first = rooms.values().map(|room| {
            let id = Uuid::new_v5(&room.user.0, format!("{}.{}", room.room, room.first_seq).as_bytes());
            self.draft(room.user, &room.notice(), NotificationId(id), room.last)
        });
        let mut drafts: Vec<Draft> = once.chain(first).collect();
        // Of one thing that two commands tell, the first counts.
        drafts.sort_by_key(|one| one.id);
        drafts.dedup_by_key(|one| one.id);
        let new = notifications::insert(&mut db, &drafts).await?;
        enqueue(context, &mut db, &new).await?;
        let mut held_back = seen::held_back(&mut db, &ended, TOLD_AFTERWARDS).await?;
        let released: Vec<_> = held_back.values().flatten().map(|one| (one.user_id, one.id)).collect();
        enqueue_for(context, &mut db, &released).await?;
        let of = batch.iter().filter_map(room).map(|room| (room.user, room.room));
        let unread = notifications::unread_of_rooms(&mut db, &of.collect::<Vec<_>>()).await?;
        db.commit().await.map_err(StoreError::from)?;
        let of_rooms: HashMap<(UserId, String), NotificationId> =
            unread.into_iter().map(|one| ((one.user_id, one.topic), one.id)).collect();
        let id = |one: &Received<Notify>| match room(one) {
            Some(room) => of_rooms.get(&(room.user, notifications::topic(room.room))).copied(),
            None => self.id(one),
        };
        let mut wanted: Vec<_> = batch.iter().filter_map(|one| Some((one.command.user_id, id(one)?))).collect();
        wanted.extend(released);
        let told = Told::read(context, &users, &wanted).await?;
        let outcome = |one: &Received<Notify>| {
            let mut outcome = Outcome::done(());
            let own = id(one);
            if matches!(one.command.notice, Notice::ExamGraded { .. }) {
                let held_back = held_back.remove(&one.command.user_id).unwrap_or_default();
                outcome.outbound = afterwards(&told, &held_back, own)?;
            }
            if let Some(id) = own {
                outcome.outbound.extend(told.tell(one.command.user_id, id, one.id)?);
            }
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}

/// The messages of one room that one user is to be told of.
#[derive(Clone, Copy)]
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

/// What a command tells of a room's messages, if that is what it tells of.
fn room(one: &Received<Notify>) -> Option<Waiting<'_>> {
    let Notice::MessagesWaiting { room_id, first_seq, last_seq, .. } = &one.command.notice else { return None };
    let (first_seq, last_seq) = (*first_seq, *last_seq);
    Some(Waiting { user: one.command.user_id, room: room_id, first_seq, last_seq, last: one })
}

fn gather(batch: &[Received<Notify>]) -> HashMap<(UserId, &RoomId), Waiting<'_>> {
    let mut rooms: HashMap<(UserId, &RoomId), Waiting<'_>> = HashMap::new();
    for one in batch.iter().filter_map(room) {
        let waiting = rooms.entry((one.user, one.room)).or_insert(one);
        waiting.first_seq = waiting.first_seq.min(one.first_seq);
        if one.last_seq > waiting.last_seq {
            (waiting.last_seq, waiting.last) = (one.last_seq, one.last);
        }
    }
    rooms
}

/// What came during the exam, but for the notice that ends it.
fn afterwards(told: &Told, held_back: &[Notification], own: Option<NotificationId>) -> Result<Vec<Outbound>, Failure> {
    let others = held_back.iter().filter(|one| Some(one.id) != own);
    let still = others.filter_map(|one| told.seen.get(&(one.user_id, one.id)));
    still.map(|seen| told.deliver(seen.notification.clone())).collect()
}

impl Handler {
    fn id(&self, one: &Received<Notify>) -> Option<NotificationId> {
        notice::id(one.command.user_id, &one.command.notice, one.stamped_at, &self.zone)
    }

    /// Exams that are graded are sat no more; gives the sittings, but for those that had ended before.
    async fn end_sittings(
        &self,
        db: &mut PgConnection,
        batch: &[Received<Notify>],
    ) -> Result<Vec<SessionId>, StoreError> {
        let ended: Vec<_> = batch
            .iter()
            .filter_map(|one| match one.command.notice {
                Notice::ExamGraded { session_id, exam_id, is_correction, .. } => {
                    Some((session_id, exam_id, one.command.user_id, is_correction))
                }
                _ => None,
            })
            .collect();
        if !ended.is_empty() {
            let sittings: Vec<_> = ended.iter().map(|(session, exam, user, _)| (*session, *exam, *user)).collect();
            exams::end_sittings(db, &sittings, self.context.clock.now()).await?;
            inboxes::update_holds(db, &distinct(ended.iter().map(|(_, _, user, _)| *user))).await?;
        }
        Ok(ended.into_iter().filter(|(.., is_correction)| !is_correction).map(|(session, ..)| session).collect())
    }

    /// Nobody is told of messages that they have read, or were told of before.
    async fn skip_known<'b>(
        &self,
        db: &mut PgConnection,
        rooms: &mut HashMap<(UserId, &'b RoomId), Waiting<'b>>,
    ) -> Result<(), StoreError> {
        if rooms.is_empty() {
            return Ok(());
        }
        let known = notifications::known_up_to(db, &rooms.keys().copied().collect::<Vec<_>>()).await?;
        rooms.retain(|(user, room), waiting| {
            let known = known.get(&(*user, room.to_string())).copied().unwrap_or_default();
            waiting.first_seq = waiting.first_seq.max(known.saturating_add(1));
            waiting.last_seq > known
        });
        Ok(())
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
