//! What somebody may do before signing in, by their address and overall.
//!
//! An address may be a whole school, so its limits hold until a token is accepted and not beyond: from then on the
//! limits of the user do. [`server::connections`](crate::server) asks for each connection, [`http::admit`] for each
//! request that opens a Socket.IO session.

mod address;
mod addresses;
pub(crate) mod http;
mod slots;

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use moka::sync::Cache;
use sinaesta_mutants::mutant;
use sinaesta_settings::GatewaySettings;
use socketioxide_core::Sid;

use address::TrustedProxies;
use addresses::Addresses;
use slots::{Counter, Slot};

/// How long an address waits for a connection or a session of another to end.
const RETRY: Duration = Duration::from_secs(1);

/// Why somebody is turned away, and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TurnedAway {
    /// The limit, for the metric.
    pub(crate) limit: &'static str,
    pub(crate) retry_after: Duration,
}

impl TurnedAway {
    fn new(limit: &'static str, retry_after: Duration) -> Self {
        metrics::counter!("gateway_turned_away_total", "limit" => limit).increment(1);
        Self { limit, retry_after }
    }
}

/// The address that a request comes from, as the trusted proxies before us say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// A TCP connection that is served.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: IpAddr,
    /// Among all of them, until it is closed.
    _overall: Slot,
    /// Among those of its address, until somebody has signed in on it. A trusted proxy's are not counted.
    of_address: Option<Slot>,
}

impl Connection {
    fn signed_in(&self) {
        mutant!("admission-counts-who-has-signed-in", return);
        if let Some(slot) = &self.of_address {
            slot.release();
        }
    }

    fn is_counted(&self) -> bool {
        self.of_address.as_ref().is_some_and(Slot::is_held)
    }
}

/// The connection of a request: it may be closed while what came of the request remains.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionRef(pub(crate) Weak<Connection>);

/// A Socket.IO session in which nobody has signed in; it stands in the request that opened it, and goes with the session.
#[derive(Debug)]
struct Unsigned {
    overall: Slot,
    of_address: Slot,
}

/// Decides who is admitted.
pub(crate) struct Admission {
    proxies: TrustedProxies,
    addresses: Addresses,
    connections: Arc<Counter>,
    unsigned: Arc<Counter>,
    /// Connections that sessions moved to before anybody had signed in in them.
    moved: Cache<Sid, ConnectionRef>,
}

impl Admission {
    /// `max_files` is how many files this process may have open.
    pub(crate) fn new(settings: &GatewaySettings, max_files: usize) -> Self {
        let max_connections = settings.max_connections.min(max_files.saturating_sub(RESERVED_FILES).max(1));
        let in_time = Duration::from_millis(settings.connect_timeout_ms) * 2;
        Self {
            proxies: TrustedProxies::parse(&settings.trusted_proxies),
            addresses: Addresses::new(settings),
            connections: Arc::new(Counter::new(max_connections)),
            unsigned: Arc::new(Counter::new(settings.max_unsigned_sessions)),
            moved: Cache::builder().max_capacity(settings.max_unsigned_sessions as u64).time_to_live(in_time).build(),
        }
    }

    /// A TCP connection is accepted.
    pub(crate) fn connect(&self, peer: IpAddr) -> Result<Connection, TurnedAway> {
        let peer = peer.to_canonical();
        let overall = self.connections.take().ok_or_else(|| TurnedAway::new("connections", RETRY))?;
        let of_address = if self.proxies.trusts(peer) {
            None
        } else {
            let slot = self.addresses.of(peer).connections.take();
            Some(slot.ok_or_else(|| TurnedAway::new("address_connections", RETRY))?)
        };
        Ok(Connection { peer, _overall: overall, of_address })
    }

    /// A Socket.IO session is to be opened.
    fn open(&self, client: ClientAddress) -> Result<Unsigned, TurnedAway> {
        let address = self.addresses.of(client.0);
        address.opens.take().map_err(|wait| TurnedAway::new("address_opens", wait))?;
        let of_address = address.sessions.take().ok_or_else(|| TurnedAway::new("address_sessions", RETRY))?;
        let overall = self.unsigned.take().ok_or_else(|| TurnedAway::new("sessions", RETRY))?;
        Ok(Unsigned { overall, of_address })
    }

    /// A token was refused, which costs the address as much as opening some sessions.
    pub(crate) fn refused(&self, client: ClientAddress) -> Result<(), TurnedAway> {
        mutant!("admission-tries-tokens-for-nothing", return Ok(()));
        let opens = &self.addresses.of(client.0).opens;
        opens.take_many(COST_OF_REFUSAL).map_err(|wait| TurnedAway::new("address_refusals", wait))
    }
}

/// How many openings a refused token counts for, beside the one of its session.
const COST_OF_REFUSAL: u32 = 2;
/// Files that are no clients': the broker, the database, what is read from disk.
const RESERVED_FILES: usize = 128;

#[cfg(test)]
mod tests {
    use sinaesta_settings::Settings;

    use super::*;

    fn admission(change: impl FnOnce(&mut GatewaySettings)) -> Admission {
        let mut settings = Settings::load(&[]).unwrap().gateway;
        change(&mut settings);
        Admission::new(&settings, 1_000_000)
    }

    fn client(address: &str) -> ClientAddress {
        ClientAddress(address.parse().unwrap())
    }

    /// The control: with `address_opens_per_minute` or `address_sessions` at 1,000 they do not all get in.
    #[test]
    fn a_school_signs_in_within_a_minute_even_if_each_of_its_tokens_has_expired() {
        let admission = admission(|_| ());
        let school = client("203.0.113.7");
        let all: Vec<_> = (0..2_000).map(|_| admission.open(school).unwrap()).collect();
        for _ in 0..2_000 {
            admission.refused(school).unwrap();
        }
        drop(all);
        assert_eq!(admission.unsigned.count(), 0);
    }

    #[test]
    fn an_address_tries_so_many_tokens() {
        let admission = admission(|settings| settings.address_opens_per_minute = 30);
        let address = client("203.0.113.7");
        let mut tried = 0;
        while admission.open(address).is_ok() {
            tried += 1;
            admission.refused(address).ok();
        }
        assert_eq!(tried, 10);
        let refused = admission.open(address).unwrap_err();
        assert_eq!(refused.limit, "address_opens");
        assert!(!refused.retry_after.is_zero() && refused.retry_after <= Duration::from_secs(2), "{refused:?}");
        assert!(admission.open(client("203.0.113.8")).is_ok());
    }

    #[test]
    fn sessions_count_until_somebody_signs_in_or_they_are_gone() {
        let admission = admission(|settings| (settings.address_sessions, settings.max_unsigned_sessions) = (2, 3));
        let [here, there, elsewhere] = ["203.0.113.7", "203.0.113.8", "2001:db8::1"].map(client);
        let first = admission.open(here).unwrap();
        let _second = admission.open(here).unwrap();
        assert_eq!(admission.open(here).unwrap_err().limit, "address_sessions");
        let _third = admission.open(there).unwrap();
        assert_eq!(admission.open(elsewhere).unwrap_err().limit, "sessions");
        first.overall.release();
        first.of_address.release();
        let fourth = admission.open(here).unwrap();
        drop(first);
        assert_eq!(admission.open(there).unwrap_err().limit, "sessions");
        drop(fourth);
        assert!(admission.open(here).is_ok());
    }

    #[test]
    fn connections_count_overall_until_they_are_closed_and_for_their_address_until_somebody_signs_in() {
        let admission = admission(|settings| {
            (settings.address_connections, settings.max_connections) = (1, 3);
            settings.trusted_proxies = vec!["10.0.0.0/8".to_owned()];
        });
        let [here, proxy] = ["203.0.113.7", "::ffff:10.1.2.3"].map(|ip| ip.parse().unwrap());
        let first = admission.connect(here).unwrap();
        assert!(first.is_counted());
        assert_eq!(admission.connect(here).unwrap_err().limit, "address_connections");
        first.signed_in();
        let _second = admission.connect(here).unwrap();
        let third = admission.connect(proxy).unwrap();
        assert!(!third.is_counted());
        assert_eq!(admission.connect(proxy).unwrap_err().limit, "connections");
        drop(third);
        assert!(admission.connect(proxy).is_ok());
    }

    #[test]
    fn there_are_never_more_connections_than_files() {
        let settings = Settings::load(&[]).unwrap().gateway;
        assert_eq!(Admission::new(&settings, 1_128).connections.max(), 1_000);
    }
}
