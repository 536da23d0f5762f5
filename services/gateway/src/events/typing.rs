//! `typing-indicator`: who is typing.
//!
//! Chat is asked out of the queue, so that what follows need not wait. While it is asked for a room, only the last of
//! what comes is kept and asked next: stopping does not overtake having begun, and a flood of them is no flood to others.

use std::sync::Arc;

use sinaesta_contracts::chat::SetTyping;
use sinaesta_contracts::{Actor, ErrorBody, RoomId, code};
use sinaesta_mutants::mutant;

use super::Call;
use crate::Gateway;
use crate::sockets::latest::Put;
use crate::sockets::session::Session;
use crate::sockets::user::UserEntry;

/// What is said of somebody's typing, and by which event; without one, because a socket is gone.
pub(crate) struct Said {
    event: SetTyping,
    by: By,
}

enum By {
    Event(Box<Call>),
    Leaving(Arc<Gateway>, Actor),
}

impl Said {
    fn gateway(&self) -> &Gateway {
        match &self.by {
            By::Event(call) => &call.gateway,
            By::Leaving(gateway, _) => gateway,
        }
    }

    async fn ask(self) {
        match self.by {
            By::Event(call) => {
                let answer = call.asked(&self.event).await;
                call.respond(answer);
            }
            By::Leaving(gateway, actor) => {
                if let Err(error) = gateway.bus.ask(&actor, &self.event).await {
                    tracing::debug!(error = %error.message, "typing ends by itself");
                }
            }
        }
    }

    /// Another one has taken its place: what it wanted is so, or is over.
    fn overtaken(self) {
        if let By::Event(call) = self.by {
            call.responder.ok_with(&());
        }
    }
}

pub(super) async fn set(call: Call, event: SetTyping) {
    if !call.session.is_in(&event.room_id) && !mutant!("typing-from-outside") {
        let error = ErrorBody::new(code::NOT_IN_ROOM, "Join the room first").on_field("roomId");
        return call.responder.error(error);
    }
    call.session.set_typing(&event.room_id, event.is_typing);
    let user = Arc::clone(&call.session.user);
    say(user, Said { event, by: By::Event(Box::new(call)) });
}

/// Somebody who was typing is gone.
pub(crate) fn stop(gateway: &Arc<Gateway>, session: &Session, room_id: RoomId) {
    mutant!("typing-goes-on-when-the-socket-is-gone", return);
    let by = By::Leaving(Arc::clone(gateway), session.actor.clone());
    say(Arc::clone(&session.user), Said { event: SetTyping { room_id, is_typing: false }, by });
}

/// A message is sent, which ends typing: that it began need not be said any more.
pub(super) fn end(user: &UserEntry, room: &RoomId) {
    if let Some(said) = user.typing.take_if(room, |said| said.event.is_typing) {
        said.overtaken();
    }
}

fn say(user: Arc<UserEntry>, said: Said) {
    let tasks = said.gateway().tasks.clone();
    let room = said.event.room_id.clone();
    match user.typing.put(room.clone(), said) {
        Put::Replaces(before) => {
            if let Some(before) = before {
                before.overtaken();
            }
        }
        Put::Begins(first) => {
            tasks.spawn(async move {
                let mut next = Some(first);
                while let Some(said) = next {
                    said.ask().await;
                    next = user.typing.next(&room);
                }
            });
        }
    }
}
