//! `leave-room`: takes no part in a room any more.

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received};
use sinaesta_contracts::Audience;
use sinaesta_contracts::chat::{LeaveRoom, RoomLeft, UserLeftRoom};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::handlers::{in_room, movings, news, places, word};
use crate::store::newest;
use crate::store::participants::{self, Moving};
use crate::store::room_sockets;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = LeaveRoom;

    async fn handle(&self, batch: &[Received<LeaveRoom>]) -> Result<Vec<Outcome<RoomLeft>>, Failure> {
        let said = |one: &Received<LeaveRoom>| word(one, one.from, in_room(&one.command.room_id, one.actor.user_id));
        let said: Vec<_> = batch.iter().map(said).collect();
        let mut db = self.0.pool.begin().await.map_err(StoreError::from)?;
        let is_news = newest::note(&mut db, &said).await?;
        let leaves = movings(news(batch, &is_news), |command| &command.room_id);
        let places = places(news(batch, &is_news), |command| &command.room_id);
        room_sockets::exit(&mut db, &places).await?;
        // Whoever is in it through another gateway has left it with one of their tabs only.
        let there = room_sockets::still_there(&mut db, &places).await?;
        let is_gone = |one: &Moving<'_>| {
            mutant!("chat-leaving-with-one-tab-is-leaving") || !there.contains(&(one.room.to_string(), one.user))
        };
        let leaves: Vec<_> = leaves.into_iter().filter(is_gone).collect();
        participants::leave(&mut db, &leaves).await?;
        let all = movings(batch, |command| &command.room_id);
        let standings = participants::standings(&mut db, &all).await?;
        let rooms: Vec<&str> = batch.iter().map(|one| one.command.room_id.as_str()).collect();
        let counts = participants::count(&mut db, &rooms, self.0.settings.presence_room_limit).await?;
        db.commit().await.map_err(StoreError::from)?;
        let outcome = |one: &Received<LeaveRoom>| {
            let room_id = one.command.room_id.clone();
            let done = Outcome::done(RoomLeft { room_id: room_id.clone() });
            let standing = standings.get(&(room_id.to_string(), one.actor.user_id));
            let is_mine = standing.is_some_and(|standing| standing.left_by == Some(one.id));
            let is_small = counts.get(room_id.as_str()).is_none_or(|n| *n <= self.0.settings.presence_room_limit);
            if !(is_mine && is_small) {
                return Ok(done);
            }
            let (user_id, user_name) = (one.actor.user_id, one.actor.name.clone());
            let event = UserLeftRoom { room_id: room_id.clone(), user_id, user_name };
            Ok(done.and(Outbound::deliver(Audience::Room(room_id), &event)?.except(user_id)))
        };
        batch.iter().map(outcome).collect()
    }
}
