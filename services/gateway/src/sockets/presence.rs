//! Which users have sockets here. Chat hears of each one's first and last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_contracts::presence::{ConnectUser, DisconnectUser};
use sinaesta_contracts::{Actor, Command, UserId, code};
use sinaesta_mutants::mutant;

use super::session::Session;
use crate::Gateway;

/// How long chat may take to note that somebody came or went.
const NOTED: Duration = Duration::from_secs(60);

struct Present {
    actor: Actor,
    sockets: usize,
}

/// The users with sockets here.
#[derive(Default)]
pub(crate) struct Presence(Mutex<HashMap<UserId, Present>>);

impl Presence {
    pub(crate) fn arrive(&self, gateway: &Arc<Gateway>, session: &Session) {
        let mut present = self.0.lock();
        let user = present
            .entry(session.actor.user_id)
            .or_insert_with(|| Present { actor: session.actor.clone(), sockets: 0 });
        user.sockets += 1;
        mutant!("presence-second-socket-counts-twice", user.sockets += usize::from(user.sockets == 2));
        // Sent under the lock, so that coming and going keep their order.
        if user.sockets == 1 {
            tell(gateway, session, ConnectUser { gateway_id: gateway.bus.id() });
        }
    }

    pub(crate) fn depart(&self, gateway: &Arc<Gateway>, session: &Session) {
        let mut present = self.0.lock();
        let Some(user) = present.get_mut(&session.actor.user_id) else { return };
        user.sockets -= 1;
        if user.sockets == 0 || mutant!("presence-first-closed-tab-is-offline") {
            present.remove(&session.actor.user_id);
            tell(gateway, session, DisconnectUser { gateway_id: gateway.bus.id() });
        }
    }

    /// Whether a session is its user's only one here.
    pub(crate) fn is_last(&self, session: &Session) -> bool {
        self.0.lock().get(&session.actor.user_id).is_none_or(|user| user.sockets <= 1)
    }

    /// Whether a user has a socket here.
    pub(crate) fn is_here(&self, user: UserId) -> bool {
        self.0.lock().contains_key(&user)
    }

    /// Says anew that everybody here is here.
    pub(crate) async fn announce_all(&self, gateway: &Arc<Gateway>) {
        mutant!("presence-not-said-again-to-a-new-broker", return);
        let actors: Vec<_> = self.0.lock().values().map(|present| present.actor.clone()).collect();
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
fn tell<C: Command>(gateway: &Arc<Gateway>, session: &Session, command: C) {
    let (this, actor) = (Arc::clone(gateway), session.actor.clone());
    session.user.queue.push_always(async move {
        match this.bus.dispatch(this.bus.new_id(), &actor, &command).await {
            Ok(sent) => drop(tokio::spawn(sent.answer(NOTED))),
            Err(error) => tracing::warn!(error = %error.message, "presence is not up to date"),
        }
    });
}
