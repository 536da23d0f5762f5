//! `join-room`: enters a room, making it if it is one that the first join makes.

use std::collections::{HashMap, HashSet};

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::chat::{ChatMessage, JOIN_MESSAGES, JoinRoom, RESUME_MESSAGES, RoomJoined, UserJoinedRoom};
use sinaesta_contracts::page::{self, PAGE_BYTES};
use sinaesta_contracts::{Audience, ErrorBody, RoomId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;

use crate::context::Context;
use crate::domain::door::{self, Room};
use crate::doors::Doors;
use crate::handlers::{in_room, movings, news, places, word};
use crate::quotas::Quotas;
use crate::store::participants::{self, Standing};
use crate::store::rooms::Opening;
use crate::store::{messages, newest, quotas, room_sockets, rooms, typing};

/// How many members `room-joined` lists.
const LISTED: i64 = 100;
/// How often it is decided who may join: once, and again if somebody else opened a room meanwhile.
const TRIES: u32 = 3;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = JoinRoom;

    async fn handle(&self, batch: &[Received<JoinRoom>]) -> Result<Vec<Outcome<RoomJoined>>, Failure> {
        let context = &self.0;
        let mut doors =
            Doors::load(context, &context.pool, batch.iter().map(|one| (&one.actor, &one.command.room_id))).await?;
        let users: Vec<_> = batch.iter().map(|one| one.actor.user_id).collect();
        let at = batch.iter().map(|one| one.stamped_at).max().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let wanted: Vec<_> = batch.iter().map(|one| (&one.command.room_id, one.actor.user_id)).collect();
        let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
        let quotas = Quotas::load(context, &mut db, &users, at).await?;
        let members = quotas::members(&mut db, &wanted).await?;
        drop(db);
        let (refusals, mut db) = open(context, batch, &mut doors, &(quotas, members)).await?;
        let admitted: Vec<_> = batch.iter().zip(&refusals).filter(|(_, no)| no.is_none()).map(|(one, _)| one).collect();
        let standings = write(&mut db, &admitted).await?;
        let mut snapshots = Snapshots::read(context, &mut db, &admitted).await?;
        db.commit().await.map_err(StoreError::from)?;
        let outcome = |(one, refusal): (&Received<JoinRoom>, Option<ErrorBody>)| match refusal {
            Some(error) => Ok(Outcome::refused(error)),
            None => snapshots.outcome(context, one, &standings),
        };
        batch.iter().zip(refusals).map(outcome).collect()
    }
}

/// How many rooms those have who join, and who is in the room already that they join.
type Had = (Quotas, HashSet<(String, UserId)>);

/// Who is refused; the doors get the rooms as they are once the others are in.
fn decide(batch: &[Received<JoinRoom>], doors: &mut Doors, had: &Had) -> Vec<Option<ErrorBody>> {
    let (mut quotas, mut members) = had.clone();
    let mut decide = |one: &Received<JoinRoom>| {
        let (id, user) = (&one.command.room_id, one.actor.user_id);
        let mut admit = || {
            doors.may_enter(&one.actor, id)?;
            if doors.room(id).is_none() {
                quotas.open(user)?;
            }
            if members.insert((id.to_string(), user)) {
                quotas.enter(user)?;
            }
            Ok(())
        };
        let refusal = admit().err();
        if refusal.is_none() {
            let room = doors.room(id);
            doors.rooms().insert(id.to_string(), Room { opened_by: door::opened_by(&one.actor, id, room) });
        }
        refusal
    };
    batch.iter().map(&mut decide).collect()
}

/// Decides who is refused, and opens the rooms of the others. Whose a room is, is decided by who opens it first: should
/// another replica have been quicker, it is decided again by what that one wrote, which nothing changes any more.
async fn open(
    context: &Context,
    batch: &[Received<JoinRoom>],
    doors: &mut Doors,
    had: &Had,
) -> Result<(Vec<Option<ErrorBody>>, Transaction<'static, Postgres>), Failure> {
    for _ in 0..TRIES {
        let refusals = decide(batch, doors, had);
        let admitted = batch.iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none()).map(|(one, _)| one);
        let mut wanted: HashMap<&RoomId, Opening> = HashMap::new();
        for one in admitted {
            let (id, by) = (&one.command.room_id, Some(one.actor.user_id));
            let owner = doors.room(id).and_then(|room| room.opened_by);
            let opening = || Opening { id: id.clone(), owner, by, at: one.stamped_at };
            wanted.entry(id).or_insert_with(opening);
        }
        let wanted: Vec<_> = wanted.into_values().collect();
        let mut db = context.pool.begin().await.map_err(StoreError::from)?;
        let opened = rooms::open(&mut db, &wanted).await?;
        if opened.iter().all(|(id, room)| doors.rooms().get(id) == Some(room)) {
            context.rooms.remember(&opened);
            return Ok((refusals, db));
        }
        doors.rooms().extend(opened);
    }
    Err(Failure::Reject("whose a room is changed each time it was looked at".to_owned()))
}

async fn write(
    db: &mut PgConnection,
    admitted: &[&Received<JoinRoom>],
) -> Result<HashMap<(String, UserId), Standing>, Failure> {
    let said = |one: &&Received<JoinRoom>| word(one, one.from, in_room(&one.command.room_id, one.actor.user_id));
    let is_news = newest::note(db, &admitted.iter().map(said).collect::<Vec<_>>()).await?;
    let new: Vec<_> = news(admitted.iter().copied(), &is_news).collect();
    room_sockets::enter(db, &places(new.iter().copied(), |command| &command.room_id)).await?;
    participants::join(db, &movings(new, |command| &command.room_id)).await?;
    let all = movings(admitted.iter().copied(), |command| &command.room_id);
    Ok(participants::standings(db, &all).await?)
}

/// The rooms as those who join see them: read with a few statements for everyone who joins.
struct Snapshots {
    rooms: HashMap<(RoomId, Option<u32>), RoomJoined>,
    counts: HashMap<String, i64>,
}

impl Snapshots {
    async fn read(
        context: &Context,
        db: &mut PgConnection,
        admitted: &[&Received<JoinRoom>],
    ) -> Result<Self, StoreError> {
        let keys: HashSet<(&RoomId, Option<u32>)> =
            admitted.iter().map(|one| (&one.command.room_id, one.command.since_seq)).collect();
        let ids: HashSet<&str> = keys.iter().map(|(room, _)| room.as_str()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let counts = participants::count(db, &ids, context.settings.presence_room_limit).await?;
        let last_seqs = rooms::last_seqs(db, &ids).await?;
        let members = participants::members(db, &ids, LISTED).await?;
        let now = admitted.iter().map(|one| one.stamped_at).max().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let typing = typing::list(db, &ids, now).await?;
        let mut pages = read_pages(db, &keys).await?;
        let mut rooms = HashMap::with_capacity(keys.len());
        for (room, since) in keys {
            let (messages, has_more) = pages.remove(&(room, since)).unwrap_or_default();
            let joined = RoomJoined {
                room_id: room.clone(),
                messages,
                has_more,
                members: members.get(room.as_str()).cloned().unwrap_or_default(),
                typing: typing.get(room.as_str()).cloned().unwrap_or_default(),
                last_seq: last_seqs.get(room.as_str()).copied().unwrap_or_default(),
                last_read_seq: 0,
            };
            rooms.insert((room.clone(), since), joined);
        }
        Ok(Self { rooms, counts })
    }

    fn outcome(
        &mut self,
        context: &Context,
        one: &Received<JoinRoom>,
        standings: &HashMap<(String, UserId), Standing>,
    ) -> Result<Outcome<RoomJoined>, Failure> {
        let room_id = one.command.room_id.clone();
        let key = (room_id.clone(), one.command.since_seq);
        // Nothing is noted of one who left before their joining was stored.
        let mine = standings.get(&(room_id.to_string(), one.actor.user_id)).copied().unwrap_or_default();
        let Some(snapshot) = self.rooms.get(&key) else {
            return Err(Failure::Reject(format!("room {room_id} was joined and can't be read")));
        };
        let reply = RoomJoined { last_read_seq: mine.last_read_seq, ..snapshot.clone() };
        let count = self.counts.get(room_id.as_str()).copied().unwrap_or_default();
        let is_new = (mine.joined_by == one.id || mutant!("chat-entering-again-is-announced"))
            && mine.left_by.is_none()
            && (count <= context.settings.presence_room_limit || mutant!("chat-large-room-hears-of-everybody"));
        if !is_new {
            return Ok(Outcome::done(reply));
        }
        let (user_id, user_name) = (one.actor.user_id, one.actor.name.clone());
        let event = UserJoinedRoom { room_id: room_id.clone(), user_id, user_name };
        Ok(Outcome::done(reply).and(Outbound::deliver(Audience::Room(room_id), &event)?.except(user_id)))
    }
}

/// For each way to join: the messages, and whether there are more.
type Pages<'r> = HashMap<(&'r RoomId, Option<u32>), (Vec<ChatMessage>, bool)>;

async fn read_pages<'r>(
    db: &mut PgConnection,
    keys: &HashSet<(&'r RoomId, Option<u32>)>,
) -> Result<Pages<'r>, StoreError> {
    let mut pages = HashMap::new();
    let new: Vec<_> = keys.iter().filter(|(_, since)| since.is_none()).map(|(room, _)| (*room, i64::MAX)).collect();
    // One more than wanted tells whether there are more.
    let mut latest = messages::before(db, &new, i64::from(JOIN_MESSAGES) + 1).await?;
    for (room, _) in new {
        let mut list = latest.remove(room).unwrap_or_default();
        let has_more = page::cut_front(&mut list, JOIN_MESSAGES as usize, PAGE_BYTES);
        pages.insert((room, None), (list, has_more));
    }
    // The same room may be resumed from several places, but not within one statement.
    for (room, since) in keys.iter().filter_map(|(room, since)| Some((*room, (*since)?))) {
        let last = i64::from(since) + i64::from(mutant!("chat-resuming-begins-too-late"));
        let mut missed = messages::after(db, &[(room, last)], i64::from(RESUME_MESSAGES) + 1).await?;
        let mut list = missed.remove(room).unwrap_or_default();
        let has_more = page::cut(&mut list, RESUME_MESSAGES as usize, PAGE_BYTES);
        pages.insert((room, Some(since)), (list, has_more));
    }
    Ok(pages)
}
