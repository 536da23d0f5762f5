//! The system tells somebody of something that happened.

use std::collections::{BTreeMap, HashMap, HashSet};

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::notification::{Notice, NotificationRead, Notify};
use sinaesta_contracts::{Actor, Audience, NotificationId, RoomId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::notice;
use crate::handlers::{Told, distinct, enqueue, insert, repeats, to_push};
use crate::store::exams::{self, Ending};
use crate::store::notifications::{self, Draft, For};
use crate::store::{inboxes, rooms, seen};

/// How much of what came during an exam is told one by one when it ends; the rest is in the list.
const TOLD_AFTERWARDS: i64 = 20;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = Notify;

    async fn handle(&self, batch: &[Received<Notify>]) -> Result<Vec<Outcome<()>>, Failure> {
        let context = &self.0;
        let users = distinct(batch.iter().map(|one| one.command.user_id));
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        inboxes::hold(&mut db, &users).await?;
        let ended = end_sittings(&mut db, batch).await?;
        let rooms = self.gather(&mut db, batch).await?;
        let mut new = self.untold(&mut db, batch).await?;
        new.extend(rooms.new);
        insert(context, &mut db, &new).await?;
        rooms::raise(&mut db, &rooms.raised).await?;
        let changed = new.iter().chain(&rooms.raised).filter_map(|one| to_push(one).0);
        let changed = changed.chain(ended.changed.iter().map(|user| UserId(*user)));
        inboxes::touch(&mut db, &distinct(changed)).await?;
        let pushed: Vec<_> = new.iter().map(to_push).chain(ended.to_push).collect();
        enqueue(context, &mut db, &pushed).await?;
        db.commit().await.map_err(StoreError::from)?;
        let own = |one: &Received<Notify>| match waiting(one) {
            Some(room) => rooms.ids.get(&room.key()).copied(),
            None => self.id(one),
        };
        let mut wanted: Vec<_> = batch.iter().filter_map(|one| Some((one.command.user_id, own(one)?))).collect();
        for one in batch {
            let released = ended.released.get(&one.id).into_iter().flatten();
            wanted.extend(released.map(|id| (one.command.user_id, *id)));
        }
        let told = Told::read(context, &users, &wanted).await?;
        let outcome = |one: &Received<Notify>| {
            let mut outcome = Outcome::done(());
            for id in ended.released.get(&one.id).into_iter().flatten() {
                outcome.outbound.push(afterwards(&told, one, *id)?);
            }
            if let Some(id) = own(one) {
                outcome.outbound.extend(told.tell(one.command.user_id, id, one)?);
            }
            Ok(outcome)
        };
        batch.iter().map(outcome).collect()
    }
}

/// What came during an exam, in its place among the others: a repeat is known by the places. It may be read by now.
fn afterwards(told: &Told, one: &Received<Notify>, id: NotificationId) -> Result<Outbound, Failure> {
    let user = one.command.user_id;
    if let Some(seen) = told.seen.get(&(user, id)) {
        return told.deliver(seen.notification.clone(), one.stamped_at);
    }
    let state = told.state(user);
    let read = NotificationRead { notification_id: id, unread_count: state.unread_count, version: state.version };
    Outbound::deliver(Audience::User(user), &read)
}

/// What the end of sittings brings.
#[derive(Default)]
struct Ended {
    /// By the command that ended a sitting, now or before: what it tells afterwards.
    released: HashMap<Uuid, Vec<NotificationId>>,
    /// What is released now.
    to_push: Vec<super::ToPush>,
    /// For whom something else is held back than before.
    changed: Vec<Uuid>,
}

/// Exams that are graded are sat no more. Whichever command ends a sitting releases what it held back.
async fn end_sittings(db: &mut PgConnection, batch: &[Received<Notify>]) -> Result<Ended, StoreError> {
    let ending = |one: &Received<Notify>| match one.command.notice {
        Notice::ExamGraded { session_id: session, exam_id: exam, .. } => {
            Some(Ending { session, exam, user: one.command.user_id, at: one.stamped_at, by: one.id })
        }
        _ => None,
    };
    let endings: Vec<Ending> = batch.iter().filter_map(ending).collect();
    if endings.is_empty() || mutant!("notification-of-an-exam-ends-none") {
        return Ok(Ended::default());
    }
    let sessions: Vec<_> = endings.iter().map(|one| one.session).collect();
    let known = exams::ended(db, &sessions).await?;
    let mut ended = Ended::default();
    for (session, before) in &known {
        let by = endings.iter().find(|one| one.session == *session && before.by == Some(one.by));
        ended.released.extend(by.map(|one| (one.by, before.released.clone())));
    }
    let mut seen = HashSet::new();
    let is_new = |one: &Ending| !known.contains_key(&one.session) && seen.insert(one.session);
    let new: Vec<Ending> = endings.iter().copied().filter(is_new).collect();
    exams::end_sittings(db, &new).await?;
    ended.changed = inboxes::update_holds(db, &distinct(endings.iter().map(|one| one.user))).await?;
    let held_back =
        seen::held_back(db, &new.iter().map(|one| one.session).collect::<Vec<_>>(), TOLD_AFTERWARDS).await?;
    mutant!("notification-held-back-for-good", return Ok(ended));
    // Two exams of one student may end together: what both held back is told once.
    let (mut released, mut told) = (Vec::new(), HashSet::new());
    for (session, id) in held_back {
        let Some(one) = new.iter().find(|one| one.session == session) else { continue };
        if told.insert((one.user, id)) {
            released.push((session, id));
            ended.released.entry(one.by).or_default().push(id);
            ended.to_push.push((Some(one.user), id, one.at));
        }
    }
    exams::note_released(db, &released).await?;
    Ok(ended)
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
    fn key(&self) -> (UserId, String) {
        (self.user, self.room.to_string())
    }

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
fn waiting(one: &Received<Notify>) -> Option<Waiting<'_>> {
    let Notice::MessagesWaiting { room_id, first_seq, last_seq, .. } = &one.command.notice else { return None };
    let (first_seq, last_seq) = (*first_seq, *last_seq);
    Some(Waiting { user: one.command.user_id, room: room_id, first_seq, last_seq, last: one })
}

/// All commands of a batch about one room and user, in whatever order they came.
fn by_room(batch: &[Received<Notify>]) -> BTreeMap<(UserId, String), Waiting<'_>> {
    let mut rooms: BTreeMap<(UserId, String), Waiting<'_>> = BTreeMap::new();
    for one in batch.iter().filter_map(waiting) {
        let room = rooms.entry(one.key()).or_insert(one);
        room.first_seq = room.first_seq.min(one.first_seq);
        if one.last_seq > room.last_seq {
            (room.last_seq, room.last) = (one.last_seq, one.last);
        }
    }
    rooms
}

/// What is decided about the rooms of a batch.
#[derive(Default)]
struct Rooms {
    /// Of rooms of which nothing is unread.
    new: Vec<Draft>,
    /// Of rooms of which something is unread, which stands for these messages, too.
    raised: Vec<Draft>,
    /// What is unread of each then.
    ids: HashMap<(UserId, String), NotificationId>,
}

impl Handler {
    fn id(&self, one: &Received<Notify>) -> Option<NotificationId> {
        notice::id(one.command.user_id, &one.command.notice, one.stamped_at, &self.0.time_zone)
    }

    /// What is told once only, and was not yet: of one thing that two commands tell, the first counts.
    async fn untold(&self, db: &mut PgConnection, batch: &[Received<Notify>]) -> Result<Vec<Draft>, StoreError> {
        let once: Vec<_> = batch.iter().filter_map(|one| Some((self.id(one)?, one))).collect();
        let ids: Vec<Uuid> = once.iter().map(|(id, _)| id.0).collect();
        let mut known = notifications::existing(db, &ids).await?;
        let new = once.into_iter().filter(|(id, _)| known.insert(id.0));
        Ok(new.map(|(id, one)| self.draft(one.command.user_id, &one.command.notice, id, one)).collect())
    }

    /// Nobody is told of messages that they have read, or were told of before.
    async fn gather(&self, db: &mut PgConnection, batch: &[Received<Notify>]) -> Result<Rooms, StoreError> {
        let waiting = by_room(batch);
        if waiting.is_empty() {
            return Ok(Rooms::default());
        }
        let keys: Vec<_> = waiting.values().map(|one| (one.user, one.room)).collect();
        let known_up_to = rooms::hold_known(db, &keys).await?;
        let unread = rooms::unread_of_rooms(db, &keys).await?;
        let unread: HashMap<_, _> = unread.into_iter().map(|one| ((one.user_id, one.topic.clone()), one)).collect();
        let mut gathered = Rooms::default();
        for (key, mut room) in waiting {
            if let Some(unread) = unread.get(&(room.user, rooms::topic(room.room))) {
                if room.last_seq > unread.last_seq || mutant!("notification-told-though-it-was") {
                    room.first_seq = unread.first_seq;
                    gathered.raised.push(self.draft(room.user, &room.notice(), unread.id, room.last));
                }
                gathered.ids.insert(key, unread.id);
                continue;
            }
            let known = known_up_to.get(&key).copied().unwrap_or_default();
            if room.last_seq > known || mutant!("notification-of-what-was-read") {
                room.first_seq = room.first_seq.max(known.saturating_add(1));
                let what = format!("{}.{}", room.room, room.first_seq);
                let id = NotificationId(Uuid::new_v5(&room.user.0, what.as_bytes()));
                gathered.new.push(self.draft(room.user, &room.notice(), id, room.last));
                gathered.ids.insert(key, id);
            }
        }
        Ok(gathered)
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
            repeats: repeats(&self.0, text.priority, one.stamped_at),
        }
    }
}
