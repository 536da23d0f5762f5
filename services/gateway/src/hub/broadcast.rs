//! An audience whose deliveries have no order that could show a loss: a user's sockets, an exam, its proctors, the list
//! of study groups. Each delivery states how something is, so the next one makes up for one that was dropped.

use serde_json::value::RawValue;
use sinaesta_bus::Delivery;
use sinaesta_clock::Clock;
use socketioxide::extract::SocketRef;
use socketioxide_core::Sid;

use super::measure;
use super::member::{Connection, Emitted, Member};

/// The sockets of such an audience.
pub(super) struct Broadcast<C = SocketRef> {
    clock: Clock,
    members: Vec<Member<C>>,
}

impl<C: Connection> Broadcast<C> {
    pub(super) const fn new(clock: Clock) -> Self {
        Self { clock, members: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn members(&self) -> &[Member<C>] {
        &self.members
    }

    /// A socket joins; `meanwhile` is what was delivered while it was about to, and may be newer than what `greet` sends.
    pub(super) fn enter(&mut self, member: Member<C>, greet: impl FnOnce(), meanwhile: &[Delivery]) {
        self.leave(member.socket.sid());
        // It may have disconnected first. A socket that does is marked as such before it leaves.
        if !member.socket.is_connected() {
            return;
        }
        greet();
        for delivery in meanwhile.iter().filter(|delivery| delivery.except != Some(member.user)) {
            if let Ok(payload) = serde_json::from_slice::<&RawValue>(&delivery.payload) {
                member.emit(&delivery.event, payload);
            }
        }
        self.members.push(member);
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        self.members.retain(|member| member.socket.sid() != sid);
    }

    /// Emits a delivery; gives those whose buffer was full.
    pub(super) fn deliver(&mut self, delivery: &Delivery) -> Vec<Member<C>> {
        let mut missed = Vec::new();
        let Ok(payload) = serde_json::from_slice::<&RawValue>(&delivery.payload) else {
            tracing::error!(event = delivery.event, "delivery dropped: it is not JSON");
            return missed;
        };
        measure::emitting(delivery, &self.clock, || {
            let mut count = 0;
            self.members.retain(|member| {
                if delivery.except == Some(member.user) {
                    return true;
                }
                let emitted = member.emit(&delivery.event, payload);
                count += u64::from(emitted == Emitted::Buffered);
                if emitted == Emitted::Full {
                    missed.push(member.clone());
                }
                emitted != Emitted::Closed
            });
            count
        });
        missed
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sinaesta_contracts::UserId;
    use uuid::Uuid;

    use super::*;
    use crate::hub::fake::{Fake, delivery};

    fn broadcast(sockets: &[(&Fake, u128)]) -> Broadcast<Fake> {
        let mut broadcast = Broadcast::new(Clock::system());
        for (socket, user) in sockets {
            broadcast.enter(socket.member(*user), || {}, &[]);
        }
        broadcast
    }

    #[test]
    fn what_came_while_a_join_was_pending_follows_the_greeting() {
        let (ann, greeted) = (Fake::new(), Delivery { except: None, ..delivery("exam-monitor-update", &json!({})) });
        let own = Delivery { except: Some(UserId(Uuid::from_u128(1))), ..delivery("passed-over", &json!({})) };
        let mut broadcast = broadcast(&[]);
        let greeting = ann.clone();
        let greet = move || drop(greeting.emit("exam-monitor-snapshot", &json!({})));
        broadcast.enter(ann.member(1), greet, &[greeted, own]);
        broadcast.deliver(&delivery("exam-monitor-update", &json!({})));
        assert_eq!(ann.take_names(), ["exam-monitor-snapshot", "exam-monitor-update", "exam-monitor-update"]);
    }

    #[test]
    fn a_delivery_reaches_each_socket_once_but_those_of_its_own_user() {
        let (ann, ben) = (Fake::new(), Fake::new());
        let mut broadcast = broadcast(&[(&ann, 1), (&ben, 2), (&ben, 2)]);
        broadcast.deliver(&Delivery { except: Some(UserId(Uuid::from_u128(1))), ..delivery("left", &json!({})) });
        assert_eq!((ann.take_names().len(), ben.take_names().len()), (0, 1));
    }

    #[test]
    fn those_whose_buffer_is_full_are_given_back_and_those_that_closed_leave() {
        let (full, closed) = (Fake::new(), Fake::new());
        let mut broadcast = broadcast(&[(&full, 1), (&closed, 2)]);
        full.fill(true);
        closed.close();
        let missed = broadcast.deliver(&delivery("new-notification", &json!({})));
        let sids = |members: &[Member<Fake>]| members.iter().map(|one| one.socket.sid()).collect::<Vec<_>>();
        assert_eq!((sids(&missed), sids(broadcast.members())), (vec![full.sid()], vec![full.sid()]));
        full.fill(false);
        assert!(broadcast.deliver(&delivery("new-notification", &json!({}))).is_empty(), "nothing is left of it");
        assert_eq!(full.take_names(), ["new-notification"]);
    }

    #[test]
    fn a_socket_that_has_disconnected_does_not_join() {
        let ann = Fake::new();
        ann.close();
        assert!(broadcast(&[(&ann, 1)]).is_empty());
    }
}
