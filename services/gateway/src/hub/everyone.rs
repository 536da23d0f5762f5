//! Every socket here: each begins with its user's inbox, and hears what is announced to everybody.

use std::collections::HashMap;

use serde_json::value::RawValue;
use sinaesta_bus::Delivery;
use sinaesta_clock::Clock;
use sinaesta_mutants::mutant;
use socketioxide_core::Sid;
use tokio::sync::mpsc;

use super::inboxes::{self, Work};
use super::measure;
use super::member::Member;

/// The sockets of this gateway.
pub(super) struct Everyone {
    members: HashMap<Sid, Member>,
    work: mpsc::UnboundedSender<Work>,
    clock: Clock,
}

impl Everyone {
    pub(super) fn new(work: mpsc::UnboundedSender<Work>, clock: Clock) -> Self {
        Self { members: HashMap::new(), work, clock }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A socket that hears its user already: what it is greeted with is followed by whatever comes after.
    pub(super) fn enter(&mut self, member: Member) {
        if member.socket.connected() {
            self.work.send(Work::Greet(member.clone())).ok();
            self.members.insert(member.socket.id, member);
        }
    }

    pub(super) fn leave(&mut self, sid: Sid) {
        self.members.remove(&sid);
    }

    /// What is announced is told each in their own way; anything else is emitted as it is.
    pub(super) fn deliver(&self, delivery: Delivery) {
        if inboxes::is_announcement(&delivery.event) {
            let members = self.members.values().cloned().collect();
            self.work.send(Work::Announce { delivery, members }).ok();
            return;
        }
        let Ok(payload) = serde_json::from_slice::<&RawValue>(&delivery.payload) else { return };
        let emit = |member: &&Member| member.socket.emit(&*delivery.event, payload).is_ok();
        let to_all = || self.members.values().filter(emit).count() as u64;
        measure::emitting(&delivery, &self.clock, &measure::span(&delivery), to_all);
    }

    /// After a disruption nobody knows what was missed: each inbox as it is.
    pub(super) fn catch_up(&self) {
        mutant!("bell-not-asked-after-a-disruption", return);
        for member in self.members.values() {
            self.work.send(Work::Greet(member.clone())).ok();
        }
    }
}
