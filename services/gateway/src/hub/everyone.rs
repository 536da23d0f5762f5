//! All sockets of this gateway: each is sent its user's inbox on joining, and then what is announced to everybody.

use std::collections::HashMap;

use serde_json::value::RawValue;
use sinaesta_bus::Delivery;
use sinaesta_clock::Clock;
use sinaesta_mutants::mutant;
use socketioxide::extract::SocketRef;
use socketioxide_core::Sid;
use tokio::sync::mpsc;

use super::inboxes::{self, Work};
use super::measure;
use super::member::{Connection, Member};

/// The sockets of this gateway.
pub(super) struct Everyone<C = SocketRef> {
    members: HashMap<Sid, Member<C>>,
    work: mpsc::UnboundedSender<Work<C>>,
    clock: Clock,
}

impl<C: Connection> Everyone<C> {
    pub(super) fn new(work: mpsc::UnboundedSender<Work<C>>, clock: Clock) -> Self {
        Self { members: HashMap::new(), work, clock }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A socket that has joined its user's audience: so all that follows its inbox is received.
    pub(super) fn enter(&mut self, member: Member<C>) {
        if member.socket.is_connected() {
            self.work.send(Work::SendInbox(member.clone())).ok();
            self.members.insert(member.socket.sid(), member);
        }
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        self.members.remove(&sid);
    }

    /// Announcements are personalised; anything else is emitted as it is.
    pub(super) fn deliver(&self, delivery: Delivery) {
        if inboxes::is_announcement(&delivery.event) {
            let members = self.members.values().cloned().collect();
            self.work.send(Work::Announce { delivery, members }).ok();
            return;
        }
        let Ok(payload) = serde_json::from_slice::<&RawValue>(&delivery.payload) else { return };
        let emit = |member: &&Member<C>| member.socket.emit(&delivery.event, payload).is_ok();
        measure::emitting(&delivery, &self.clock, || self.members.values().filter(emit).count() as u64);
    }

    /// After a disruption: each inbox as it is now, because announcements may have been missed.
    pub(super) fn catch_up(&self) {
        mutant!("bell-not-asked-after-a-disruption", return);
        for member in self.members.values() {
            self.work.send(Work::SendInbox(member.clone())).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sinaesta_contracts::ServerEvent as _;
    use sinaesta_contracts::notification::NewNotification;

    use super::*;
    use crate::hub::fake::{Fake, delivery};

    fn everyone(sockets: &[&Fake]) -> (Everyone<Fake>, mpsc::UnboundedReceiver<Work<Fake>>) {
        let (work, taken) = mpsc::unbounded_channel();
        let mut everyone = Everyone::new(work, Clock::system());
        sockets.iter().for_each(|socket| everyone.enter(socket.member(1)));
        (everyone, taken)
    }

    /// The sockets that are to be sent their inbox.
    fn inboxes(work: &mut mpsc::UnboundedReceiver<Work<Fake>>) -> Vec<Sid> {
        let mut sids = Vec::new();
        while let Ok(Work::SendInbox(member)) = work.try_recv() {
            sids.push(member.socket.sid());
        }
        sids
    }

    #[test]
    fn each_socket_is_sent_its_inbox_on_joining_and_again_after_a_disruption() {
        let (ann, ben) = (Fake::new(), Fake::new());
        let (mut everyone, mut work) = everyone(&[&ann, &ben]);
        assert_eq!(inboxes(&mut work), [ann.sid(), ben.sid()]);
        everyone.leave(ben.sid());
        everyone.catch_up();
        assert_eq!(inboxes(&mut work), [ann.sid()]);
    }

    #[test]
    fn announcements_are_personalised_and_the_rest_is_emitted_as_it_is() {
        let ann = Fake::new();
        let (everyone, mut work) = everyone(&[&ann]);
        inboxes(&mut work);
        everyone.deliver(delivery("exam-scheduled", &json!({})));
        everyone.deliver(delivery(NewNotification::NAME, &json!({})));
        assert_eq!(ann.take_names(), ["exam-scheduled"]);
        assert!(matches!(work.try_recv(), Ok(Work::Announce { members, .. }) if members.len() == 1));
    }
}
