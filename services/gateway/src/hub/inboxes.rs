//! What of notifications is each user's own: asked of the notification service for many users at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use sinaesta_bus::{Bus, Delivery};
use sinaesta_contracts::notification::{FindReaders, NewNotification, NotificationRemoved, ReadInboxes, Reader};
use sinaesta_contracts::{Actor, ErrorBody, NotificationId, ServerEvent, UserId};
use sinaesta_mutants::mutant;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::Instrument as _;

use super::measure;
use super::member::Member;

/// For how many users the inboxes are asked at a time, and the readers of an announcement.
const INBOXES: usize = 200;
const READERS: usize = 500;
/// How many times at once the readers are asked for.
const AT_ONCE: usize = 4;
/// How soon what could not be had is asked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// What is to be told.
pub(super) enum Work {
    /// A socket begins with its user's inbox.
    Greet(Member),
    /// Everybody is told of an announcement, or of its being removed.
    Announce { delivery: Delivery, members: Vec<Member> },
}

/// Whether the gateway puts something of each reader's own into this event.
pub(super) fn is_announcement(event: &str) -> bool {
    event == NewNotification::NAME || event == NotificationRemoved::NAME
}

/// Does what is to be done, in its order; those who connect while others are asked for are asked for together.
pub(super) async fn run(bus: Bus, mut work: mpsc::UnboundedReceiver<Work>) {
    let mut waiting: Vec<Member> = Vec::new();
    let mut taken = Vec::new();
    loop {
        tokio::select! {
            count = work.recv_many(&mut taken, INBOXES) => if count == 0 { return },
            () = sleep(AGAIN), if !waiting.is_empty() => {}
        }
        for one in taken.drain(..) {
            match one {
                Work::Greet(member) => waiting.push(member),
                Work::Announce { delivery, members } => {
                    waiting.extend(announce(&bus, &delivery, members).instrument(measure::span(&delivery)).await)
                }
            }
        }
        let mut seen = HashSet::new();
        waiting.retain(|member| member.socket.connected() && seen.insert(member.socket.id));
        waiting = greet(&bus, waiting).await;
    }
}

/// Gives those for whom there is no answer yet, or no place in their buffer.
async fn greet(bus: &Bus, members: Vec<Member>) -> Vec<Member> {
    let mut sockets: HashMap<UserId, Vec<Member>> = HashMap::new();
    for member in members {
        sockets.entry(member.user).or_default().push(member);
    }
    let mut users: Vec<UserId> = sockets.keys().copied().collect();
    while !users.is_empty() {
        let asked = users.get(..INBOXES).unwrap_or(&users).to_vec();
        let found = match bus.ask(&Actor::system(), &ReadInboxes { users: asked }).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(error = %error.message, "inboxes can't be had yet");
                break;
            }
        };
        for (user, snapshot) in &found.inboxes {
            if let Some(sockets) = sockets.get_mut(user) {
                sockets.retain(|member| !emit(member, snapshot));
            }
        }
        // Nothing is to be had for a user who is not known.
        for user in users.drain(..found.covered.clamp(1, users.len())) {
            if sockets.get(&user).is_some_and(|_| !found.inboxes.iter().any(|(known, _)| *known == user)) {
                sockets.remove(&user);
            }
        }
    }
    sockets.into_values().flatten().collect()
}

/// Gives those who could not be told: their inboxes will tell them.
async fn announce(bus: &Bus, delivery: &Delivery, members: Vec<Member>) -> Vec<Member> {
    let read = if delivery.event == NewNotification::NAME {
        serde_json::from_slice(&delivery.payload).map(Announced::New)
    } else {
        serde_json::from_slice(&delivery.payload).map(Announced::Removed)
    };
    let announced = match read {
        Ok(announced) => announced,
        Err(error) => {
            tracing::error!(%error, event = delivery.event, "a delivery can't be read");
            return Vec::new();
        }
    };
    let mut sockets: HashMap<UserId, Vec<Member>> = HashMap::new();
    for member in members {
        sockets.entry(member.user).or_default().push(member);
    }
    let users: Vec<UserId> = sockets.keys().copied().collect();
    let mut emitted = 0;
    let ask = async |users: &[UserId]| -> Result<Vec<Reader>, ErrorBody> {
        let find = FindReaders { notification_id: announced.id(), users: users.to_vec() };
        bus.ask(&Actor::system(), &find).await
    };
    let mut answers = futures::stream::iter(users.chunks(READERS).map(ask)).buffer_unordered(AT_ONCE);
    while let Some(readers) = answers.next().await {
        match readers {
            Ok(readers) => {
                for reader in readers {
                    let mine = sockets.remove(&reader.user_id).unwrap_or_default();
                    let missed = mine.into_iter().filter(|member| {
                        let told = announced.tell(member, &reader);
                        emitted += u64::from(told);
                        !told
                    });
                    let missed: Vec<_> = missed.collect();
                    if !missed.is_empty() {
                        sockets.insert(reader.user_id, missed);
                    }
                }
            }
            Err(error) => tracing::warn!(error = %error.message, "readers can't be had; their inboxes will tell them"),
        }
    }
    metrics::counter!("gateway_emits_total", "event" => delivery.event.clone()).increment(emitted);
    sockets.into_values().flatten().collect()
}

/// What everybody is told of.
enum Announced {
    New(NewNotification),
    Removed(NotificationRemoved),
}

impl Announced {
    const fn id(&self) -> NotificationId {
        match self {
            Self::New(new) => new.notification.id,
            Self::Removed(removed) => removed.notification_id,
        }
    }

    /// False if there was no place in the socket's buffer.
    fn tell(&self, member: &Member, reader: &Reader) -> bool {
        let &Reader { unread_count, version, is_silent, .. } = reader;
        match self {
            Self::New(_) if !reader.is_told && !mutant!("announcement-for-everybody") => true,
            Self::New(new) => {
                let mut notification = new.notification.clone();
                notification.user_id = reader.user_id;
                emit(member, &NewNotification { notification, unread_count, version, is_silent })
            }
            Self::Removed(removed) => {
                let notification_id = removed.notification_id;
                emit(member, &NotificationRemoved { notification_id, unread_count, version })
            }
        }
    }
}

/// False if there was no place in the socket's buffer.
fn emit<E: ServerEvent>(member: &Member, event: &E) -> bool {
    member.socket.emit(E::NAME, event).is_ok() || !member.socket.connected()
}
