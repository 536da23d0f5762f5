//! Which users have sockets here. Chat hears of each one's first and last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_contracts::presence::{ConnectUser, DisconnectUser};
use sinaesta_contracts::{Actor, Command, RoomId, UserId, code};
use sinaesta_settings::LimitSettings;

use super::limits::Limiter;
use super::session::Session;
use crate::Gateway;

/// How long chat may take to note that somebody came or went.
const NOTED: Duration = Duration::from_secs(60);

/// What all sockets of one user on this gateway share.
pub(crate) struct UserEntry {
    actor: Actor,
    pub(crate) messages: Limiter,
    /// The rooms that sockets of theirs are about to enter.
    joining: Mutex<Vec<RoomId>>,
}

/// Somebody is about to enter a room, for as long as this is kept.
pub(crate) struct Joining {
    user: Arc<UserEntry>,
    room: RoomId,
}

impl UserEntry {
    /// A socket of theirs is about to enter a room.
    pub(crate) fn join(self: &Arc<Self>, room: RoomId) -> Joining {
        self.joining.lock().push(room.clone());
        Joining { user: Arc::clone(self), room }
    }

    /// Whether a socket of theirs is about to enter a room.
    pub(crate) fn is_joining(&self, room: &RoomId) -> bool {
        self.joining.lock().contains(room)
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        let mut joining = self.user.joining.lock();
        if let Some(at) = joining.iter().position(|room| *room == self.room) {
            joining.swap_remove(at);
        }
    }
}

struct Present {
    entry: Arc<UserEntry>,
    sockets: usize,
}

/// The users with sockets here.
#[derive(Default)]
pub(crate) struct Presence(Mutex<HashMap<UserId, Present>>);

impl Presence {
    /// What the user's sockets share; new for the first one.
    pub(crate) fn entry(&self, actor: &Actor, limits: &LimitSettings) -> Arc<UserEntry> {
        let known = self.0.lock().get(&actor.user_id).map(|present| Arc::clone(&present.entry));
        known.unwrap_or_else(|| {
            let messages = Limiter::per_minute(limits.user_messages_per_minute);
            Arc::new(UserEntry { actor: actor.clone(), messages, joining: Mutex::default() })
        })
    }

    pub(crate) fn arrive(&self, gateway: &Arc<Gateway>, session: &Session) {
        let mut present = self.0.lock();
        let user = present
            .entry(session.actor.user_id)
            .or_insert_with(|| Present { entry: Arc::clone(&session.user), sockets: 0 });
        user.sockets += 1;
        // Sent under the lock, so that coming and going keep their order.
        if user.sockets == 1 {
            tell(gateway, &session.actor, ConnectUser { gateway_id: gateway.bus.id() });
        }
    }

    pub(crate) fn depart(&self, gateway: &Arc<Gateway>, session: &Session) {
        let mut present = self.0.lock();
        let Some(user) = present.get_mut(&session.actor.user_id) else { return };
        user.sockets -= 1;
        if user.sockets == 0 {
            present.remove(&session.actor.user_id);
            tell(gateway, &session.actor, DisconnectUser { gateway_id: gateway.bus.id() });
        }
    }

    /// Whether a session is its user's only one here.
    pub(crate) fn is_last(&self, session: &Session) -> bool {
        self.0.lock().get(&session.actor.user_id).is_none_or(|user| user.sockets <= 1)
    }

    /// Says anew that everybody here is here.
    pub(crate) async fn announce_all(&self, gateway: &Arc<Gateway>) {
        let actors: Vec<_> = self.0.lock().values().map(|present| present.entry.actor.clone()).collect();
        for actor in actors {
            let command = ConnectUser { gateway_id: gateway.bus.id() };
            if let Err(error) = gateway.bus.post(gateway.bus.new_id(), &actor, &command, NOTED).await {
                tracing::warn!(error = %error.message, user_id = %actor.user_id, "somebody's presence is not up to date");
                // While the broker is away nobody can be announced: it is done again when it is back.
                if error.code == code::UNAVAILABLE {
                    return;
                }
            }
        }
    }
}

/// Sends a command in its order among those about the same user.
fn tell<C: Command>(gateway: &Arc<Gateway>, actor: &Actor, command: C) {
    let (this, actor) = (Arc::clone(gateway), actor.clone());
    gateway.lanes.push_always(actor.user_id, async move {
        match this.bus.dispatch(this.bus.new_id(), &actor, &command).await {
            Ok(sent) => drop(tokio::spawn(sent.answer(NOTED))),
            Err(error) => tracing::warn!(error = %error.message, "presence is not up to date"),
        }
    });
}
