//! `set-status`: how somebody shows to those who share a room with them.
//!
//! Each is delivered to all of those, so at most one a second goes out; of those that come sooner the last one counts.

use std::sync::Arc;

use sinaesta_contracts::presence::{SetStatus, StatusSet};
use tokio::time::{Instant, sleep_until};

use super::Call;
use crate::sockets::latest::Pace;
use crate::sockets::user::UserEntry;

pub(super) async fn set(call: Call, event: SetStatus) {
    let user = Arc::clone(&call.session.user);
    let tasks = call.gateway.tasks.clone();
    match user.status.put(Instant::now(), (call, event)) {
        Pace::Now((call, event)) => send(call, event).await,
        // What it wanted is over already.
        Pace::Replaces((call, SetStatus { status })) => call.responder.ok_with(&StatusSet { status: status.into() }),
        Pace::At(at) => {
            tasks.spawn(async move {
                sleep_until(at).await;
                let queue = user.queue.clone();
                queue.push_always(send_last(user));
            });
        }
    }
}

async fn send_last(user: Arc<UserEntry>) {
    let Some((mut call, event)) = user.status.due(Instant::now()) else { return };
    // Whoever is gone by now has no status any more.
    if call.gateway.presence.is_here(call.session.actor.user_id) {
        call.arrived = Instant::now();
        send(call, event).await;
    }
}

async fn send(call: Call, event: SetStatus) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
