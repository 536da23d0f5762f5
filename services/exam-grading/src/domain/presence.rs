//! Through which gateways a student is in an exam, and which news of it is older than what is known.
//!
//! A gateway says when a student's first socket in an exam came and when the last one went. Its commands are numbered by
//! their ids, which are made in their order by its one process; so one that is sent again behind newer ones is told from
//! those by its id, however many there were.

use sinaesta_contracts::GatewayId;
use sinaesta_mutants::mutant;
use time::OffsetDateTime;
use uuid::Uuid;

/// The student is there through a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub gateway: GatewayId,
    pub name: String,
    /// The command that said so first.
    pub by: Uuid,
    pub at: OffsetDateTime,
}

/// The student was there through a gateway, or is said to have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    pub gateway: GatewayId,
    pub name: String,
    /// The newest command of the gateway that is known; it and whatever is older says nothing new.
    pub newest: Uuid,
    /// The command that took the student out.
    pub left_by: Uuid,
    pub left_at: OffsetDateTime,
    /// Whether the student was nowhere in the exam then.
    pub was_last: bool,
}

/// One student in one exam.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    pub here: Vec<Present>,
    pub left: Vec<Departure>,
}

/// What somebody's coming changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// They are there through this gateway now; `is_first` if they were through none.
    Now { is_first: bool },
    /// They are, by this very command.
    Before { is_first: bool },
    /// Nothing: another command has said so, or they have left since.
    NothingNew,
}

/// What somebody's going changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exited {
    /// They are not there through this gateway any more.
    Now(Departure),
    /// They are not, by this very command.
    Before { was_last: bool },
    /// They were not there; older news of their coming is to be known as such.
    NobodyThere(Departure),
    /// Nothing: they have come again since, or newer news is known.
    NothingNew,
}

impl Presence {
    /// Whether the student is in the exam.
    pub fn is_here(&self) -> bool {
        !self.here.is_empty()
    }

    /// A gateway says that the student is there.
    pub fn enter(&mut self, present: Present) -> Entered {
        if let Some(known) = self.here.iter().find(|one| one.gateway == present.gateway) {
            let is_first = self.here.iter().all(|one| (known.at, known.by) <= (one.at, one.by));
            return if known.by == present.by { Entered::Before { is_first } } else { Entered::NothingNew };
        }
        if self
            .departure(present.gateway)
            .is_some_and(|departure| departure.newest >= present.by && !mutant!("exam-older-news-of-coming-counts"))
        {
            return Entered::NothingNew;
        }
        let is_first = self.here.is_empty();
        self.here.push(present);
        Entered::Now { is_first }
    }

    /// A gateway says that the student is there no more.
    pub fn exit(&mut self, gateway: GatewayId, name: &str, by: Uuid, at: OffsetDateTime) -> Exited {
        let departure =
            |was_last| Departure { gateway, name: name.to_owned(), newest: by, left_by: by, left_at: at, was_last };
        let known = self.departure(gateway);
        match self.here.iter().find(|one| one.gateway == gateway) {
            Some(present) if present.by > by => Exited::NothingNew,
            Some(_) => Exited::Now(self.take_out(departure(true))),
            None if known.is_some_and(|known| known.left_by == by) => {
                Exited::Before { was_last: known.is_some_and(|known| known.was_last) && !self.is_here() }
            }
            None if known.is_some_and(|known| known.newest > by) => Exited::NothingNew,
            None => {
                let departure = departure(false);
                self.note(departure.clone());
                Exited::NobodyThere(departure)
            }
        }
    }

    /// A gateway is lost: whoever is there through it is not any more. `None` if the student is not.
    pub fn lose(&mut self, gateway: GatewayId, by: Uuid, at: OffsetDateTime) -> Option<Departure> {
        let Present { name, by: newest, .. } = self.here.iter().find(|one| one.gateway == gateway)?.clone();
        Some(self.take_out(Departure { gateway, name, newest, left_by: by, left_at: at, was_last: true }))
    }

    fn departure(&self, gateway: GatewayId) -> Option<&Departure> {
        self.left.iter().find(|one| one.gateway == gateway)
    }

    fn take_out(&mut self, departure: Departure) -> Departure {
        self.here.retain(|one| one.gateway != departure.gateway);
        let departure =
            Departure { was_last: self.here.is_empty() || mutant!("exam-left-with-one-gateway"), ..departure };
        self.note(departure.clone());
        departure
    }

    fn note(&mut self, departure: Departure) {
        self.left.retain(|one| one.gateway != departure.gateway);
        self.left.push(departure);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gateway(number: u128) -> GatewayId {
        GatewayId(Uuid::from_u128(number))
    }

    fn enter(presence: &mut Presence, through: u128, by: u128) -> Entered {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(by as i64);
        presence.enter(Present { gateway: gateway(through), name: "Putri".to_owned(), by: Uuid::from_u128(by), at })
    }

    fn exit(presence: &mut Presence, through: u128, by: u128) -> Exited {
        presence.exit(gateway(through), "Putri", Uuid::from_u128(by), OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_student_is_there_once_through_however_many_gateways() {
        let mut putri = Presence::default();
        assert_eq!(enter(&mut putri, 1, 10), Entered::Now { is_first: true });
        assert_eq!(enter(&mut putri, 2, 11), Entered::Now { is_first: false });
        assert_eq!(enter(&mut putri, 1, 10), Entered::Before { is_first: true });
        assert_eq!(enter(&mut putri, 2, 11), Entered::Before { is_first: false });
        assert_eq!(enter(&mut putri, 1, 12), Entered::NothingNew, "another tab");
        assert!(matches!(exit(&mut putri, 1, 20), Exited::Now(Departure { was_last: false, .. })));
        assert!(matches!(exit(&mut putri, 2, 21), Exited::Now(Departure { was_last: true, .. })));
        assert_eq!(exit(&mut putri, 1, 20), Exited::Before { was_last: false });
        assert_eq!(exit(&mut putri, 2, 21), Exited::Before { was_last: true });
    }

    #[test]
    fn a_gateway_that_is_lost_and_lives_after_all_brings_its_students_back() {
        let mut putri = Presence::default();
        enter(&mut putri, 1, 10);
        let at = OffsetDateTime::UNIX_EPOCH;
        assert!(putri.lose(gateway(1), Uuid::from_u128(500), at).is_some_and(|left| left.was_last));
        assert_eq!(putri.lose(gateway(1), Uuid::from_u128(501), at), None);
        assert_eq!(enter(&mut putri, 1, 10), Entered::NothingNew);
        assert_eq!(enter(&mut putri, 1, 11), Entered::Now { is_first: true });
    }

    proptest! {
        /// However often and in whatever order a gateway's commands come again once each has come in its order, the
        /// student is where the newest one says.
        #[test]
        fn what_comes_again_changes_nothing(
            comes in prop::collection::vec(any::<bool>(), 1..20),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let mut putri = Presence::default();
            let apply = |putri: &mut Presence, n: usize, comes: bool| match comes {
                true => drop(enter(putri, 1, n as u128)),
                false => drop(exit(putri, 1, n as u128)),
            };
            for (n, comes) in comes.iter().enumerate() {
                apply(&mut putri, n, *comes);
            }
            let after = putri.is_here();
            prop_assert_eq!(after, comes.last().copied().unwrap());
            for index in again {
                let n = index.index(comes.len());
                apply(&mut putri, n, comes[n]);
                prop_assert_eq!(putri.is_here(), after);
            }
        }
    }
}
