//! Inboxes and announcements: the part of a broadcast that is each user's own, fetched from the notification service for
//! many users at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use sinaesta_bus::{Bus, Delivery};
use sinaesta_contracts::notification::{FindReaders, NewNotification, NotificationRemoved, ReadInboxes, Reader};
use sinaesta_contracts::{Actor, ErrorBody, NotificationId, ServerEvent, UserId};
use sinaesta_mutants::mutant;
use socketioxide::extract::SocketRef;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::Instrument as _;

use super::measure;
use super::member::{Connection, Member};

/// For how many users the inboxes are asked at a time, and the readers of an announcement.
const INBOXES: usize = 200;
const READERS: usize = 500;
/// How many times at once the readers are asked for.
const AT_ONCE: usize = 4;
/// How soon inboxes that could not be fetched or emitted are retried.
const RETRY: Duration = Duration::from_secs(2);

/// What is to be sent.
#[derive(Debug)]
pub(super) enum Work<C = SocketRef> {
    /// Its user's inbox to a socket.
    SendInbox(Member<C>),
    /// An announcement, or that it is removed, to all whom it concerns.
    Announce { delivery: Delivery, members: Vec<Member<C>> },
}

/// Whether the gateway personalises this event.
pub(super) fn is_announcement(event: &str) -> bool {
    event == NewNotification::NAME || event == NotificationRemoved::NAME
}

/// Works in order. Inboxes that are asked for while others are fetched are fetched together.
pub(super) async fn run(bus: Bus, mut work: mpsc::UnboundedReceiver<Work>) {
    let mut waiting: Vec<Member> = Vec::new();
    let mut taken = Vec::new();
    loop {
        tokio::select! {
            count = work.recv_many(&mut taken, INBOXES) => if count == 0 { return },
            () = sleep(RETRY), if !waiting.is_empty() => {}
        }
        for one in taken.drain(..) {
            match one {
                Work::SendInbox(member) => waiting.push(member),
                Work::Announce { delivery, members } => {
                    waiting.extend(announce(&bus, &delivery, members).instrument(measure::span(&delivery)).await)
                }
            }
        }
        let mut seen = HashSet::new();
        waiting.retain(|member| member.socket.connected() && seen.insert(member.socket.id));
        waiting = send_inboxes(&bus, waiting).await;
    }
}

/// Sends each its user's inbox; gives those to retry: no answer yet, or no room in their buffer.
async fn send_inboxes(bus: &Bus, members: Vec<Member>) -> Vec<Member> {
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
                tracing::debug!(error = %error.message, "inboxes not fetched: notification did not answer; they are retried");
                break;
            }
        };
        for (user, snapshot) in &found.inboxes {
            if let Some(sockets) = sockets.get_mut(user) {
                sockets.retain(|member| !emit(member, snapshot));
            }
        }
        // An unknown user has no inbox.
        for user in users.drain(..found.covered.clamp(1, users.len())) {
            if sockets.get(&user).is_some_and(|_| !found.inboxes.iter().any(|(known, _)| *known == user)) {
                sockets.remove(&user);
            }
        }
    }
    sockets.into_values().flatten().collect()
}

/// Sends an announcement; gives those who missed it, who are sent their inboxes.
async fn announce(bus: &Bus, delivery: &Delivery, members: Vec<Member>) -> Vec<Member> {
    let read = if delivery.event == NewNotification::NAME {
        serde_json::from_slice(&delivery.payload).map(Announced::New)
    } else {
        serde_json::from_slice(&delivery.payload).map(Announced::Removed)
    };
    let announced = match read {
        Ok(announced) => announced,
        Err(error) => {
            tracing::error!(%error, event = delivery.event, "delivery dropped: it can't be read");
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
                    let theirs = sockets.remove(&reader.user_id).unwrap_or_default();
                    let missed = theirs.into_iter().filter(|member| {
                        let is_sent = announced.send(member, &reader);
                        emitted += u64::from(is_sent);
                        !is_sent
                    });
                    let missed: Vec<_> = missed.collect();
                    if !missed.is_empty() {
                        sockets.insert(reader.user_id, missed);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = %error.message, "readers not fetched: notification did not answer; they are sent their inboxes")
            }
        }
    }
    metrics::counter!("gateway_emits_total", "event" => delivery.event.clone()).increment(emitted);
    sockets.into_values().flatten().collect()
}

/// An announcement that is made or removed.
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

    /// False if there was no room in the socket's buffer.
    fn send<C: Connection>(&self, member: &Member<C>, reader: &Reader) -> bool {
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

/// False if there was no room in the socket's buffer.
fn emit<C: Connection, E: ServerEvent>(member: &Member<C>, event: &E) -> bool {
    member.socket.emit(E::NAME, event).is_ok() || !member.socket.is_connected()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::hub::fake::Fake;

    fn announced() -> Announced {
        let id = Uuid::from_u128(1);
        let at = "2026-03-02T08:00:00.000Z";
        let new = serde_json::from_value(json!({
            "id": id, "user_id": id, "type": "SYSTEM", "title": "Tea", "message": "is ready", "data": null,
            "is_read": false, "priority": "normal", "action_url": null, "created_at": at, "updated_at": at, "count": 1,
            "unread_count": 0, "version": 0, "is_silent": false,
        }));
        Announced::New(new.unwrap())
    }

    fn reader(user_id: UserId, is_told: bool) -> Reader {
        Reader { user_id, is_told, is_silent: true, unread_count: 3, version: 7 }
    }

    #[test]
    fn an_announcement_is_for_its_readers_with_their_own_counts() {
        let (ann, ben) = (Fake::new(), Fake::new());
        let (reads, does_not) = (ann.member(1), ben.member(2));
        assert!(announced().send(&reads, &reader(reads.user, true)));
        assert!(announced().send(&does_not, &reader(does_not.user, false)), "nothing is missing for it");
        assert_eq!(ben.take(), []);
        let [(_, sent)] = &ann.take()[..] else { panic!("one event") };
        let own = [json!(reads.user), json!(3), json!(7), json!(true)];
        assert_eq!(["user_id", "unread_count", "version", "is_silent"].map(|name| sent[name].clone()), own);
    }

    #[test]
    fn a_socket_without_room_misses_an_announcement() {
        let ann = Fake::new();
        ann.fill(true);
        assert!(!announced().send(&ann.member(1), &reader(UserId(Uuid::from_u128(1)), true)));
        ann.close();
        assert!(announced().send(&ann.member(1), &reader(UserId(Uuid::from_u128(1)), true)), "it has no need of it");
    }
}
