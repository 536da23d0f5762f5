//! What is counted for each address, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sinaesta_settings::GatewaySettings;

use super::address::network;
use super::slots::Counter;
use crate::sockets::limits::Limiter;

/// How many addresses are known at once, about 8 MB. Those who come while as many are in use share one entry.
const MOST: usize = 20_000;
/// After this time the limits of a minute are what they were at first.
const UNUSED: Duration = Duration::from_secs(60);
/// How often unused addresses are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// One address.
pub(super) struct Address {
    pub(super) connections: Arc<Counter>,
    pub(super) sessions: Arc<Counter>,
    pub(super) opens: Limiter,
    used: Mutex<Instant>,
}

impl Address {
    fn new(limits: Limits) -> Self {
        Self {
            connections: Arc::new(Counter::new(limits.connections)),
            sessions: Arc::new(Counter::new(limits.sessions)),
            opens: Limiter::per_minute(limits.opens_per_minute),
            used: Mutex::new(Instant::now()),
        }
    }

    fn is_used(&self) -> bool {
        self.connections.count() + self.sessions.count() > 0 || self.used.lock().elapsed() < UNUSED
    }
}

#[derive(Clone, Copy)]
struct Limits {
    connections: usize,
    sessions: usize,
    opens_per_minute: u32,
}

/// All addresses.
pub(super) struct Addresses {
    limits: Limits,
    most: usize,
    known: Mutex<Known>,
    others: Arc<Address>,
}

struct Known {
    entries: HashMap<IpAddr, Arc<Address>>,
    swept: Option<Instant>,
}

impl Addresses {
    pub(super) fn new(settings: &GatewaySettings) -> Self {
        let limits = Limits {
            connections: settings.address_connections,
            sessions: settings.address_sessions,
            opens_per_minute: settings.address_opens_per_minute,
        };
        Self::with_most(limits, MOST)
    }

    fn with_most(limits: Limits, most: usize) -> Self {
        let known = Mutex::new(Known { entries: HashMap::new(), swept: None });
        Self { limits, most, known, others: Arc::new(Address::new(limits)) }
    }

    /// What is counted for an address.
    pub(super) fn of(&self, address: IpAddr) -> Arc<Address> {
        let address = network(address);
        let mut known = self.known.lock();
        if let Some(entry) = known.entries.get(&address) {
            *entry.used.lock() = Instant::now();
            return Arc::clone(entry);
        }
        if known.entries.len() >= self.most && known.swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            known.swept = Some(Instant::now());
            known.entries.retain(|_, entry| entry.is_used());
        }
        if known.entries.len() >= self.most {
            return Arc::clone(&self.others);
        }
        let entry = Arc::new(Address::new(self.limits));
        known.entries.insert(address, Arc::clone(&entry));
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { connections: 1, sessions: 1, opens_per_minute: 3 };

    fn ip(last: u8) -> IpAddr {
        [203, 0, 113, last].into()
    }

    #[test]
    fn an_address_is_remembered() {
        let addresses = Addresses::with_most(LIMITS, 10);
        for _ in 0..3 {
            addresses.of(ip(1)).opens.take().unwrap();
        }
        assert!(addresses.of(ip(1)).opens.take().is_err());
        assert!(addresses.of(ip(2)).opens.take().is_ok());
    }

    #[test]
    fn those_who_are_too_many_share_one_entry_until_others_are_unused() {
        let addresses = Addresses::with_most(LIMITS, 2);
        let slot = addresses.of(ip(1)).sessions.take().unwrap();
        addresses.of(ip(2));
        assert!(Arc::ptr_eq(&addresses.of(ip(3)), &addresses.of(ip(4))));
        assert_eq!(addresses.known.lock().entries.len(), 2);

        // Both were last used long ago, and one still has a session.
        let long_ago = Instant::now().checked_sub(UNUSED).unwrap();
        for last in [1, 2] {
            *addresses.of(ip(last)).used.lock() = long_ago;
        }
        addresses.known.lock().swept = None;
        assert!(!Arc::ptr_eq(&addresses.of(ip(3)), &addresses.others));
        assert!(addresses.of(ip(1)).sessions.take().is_none());
        assert!(Arc::ptr_eq(&addresses.of(ip(2)), &addresses.others));
        drop(slot);
    }
}
