use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use crate::process::POLL;
use crate::{Error, Result};

/// Below every platform's range for outgoing connections: a client that keeps trying to reach a
/// closed port within that range can end up connected to itself, and then holds the port.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A port that was free on 127.0.0.1 a moment ago.
pub fn free_port() -> Result<u16> {
    let random = RandomState::new().build_hasher().finish();
    pick_from(random, is_free).ok_or(Error::NoFreePort)
}

/// Whether 127.0.0.1 has nothing listening on `port`.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port asked for: 0 means any free one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) port: u16,
}

impl Wanted {
    /// A port asked for by number may still be held for a moment by the process that had it
    /// before: it is waited for, five seconds at most.
    pub(crate) async fn take(self) -> Result<u16> {
        if self.port == 0 {
            return free_port();
        }
        let started = Instant::now();
        while !is_free(self.port) {
            if started.elapsed() > Duration::from_secs(5) {
                return Err(Error::PortTaken { port: self.port });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(self.port)
    }
}

fn pick_from(random: u64, free: impl Fn(u16) -> bool) -> Option<u16> {
    let size = RANGE.len() as u64;
    (0..200)
        .filter_map(|step: u64| u16::try_from(random.wrapping_add(step * 61) % size).ok())
        .map(|offset| RANGE.start + offset)
        .find(|port| free(*port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over() {
        let first = pick_from(7, |_| true).unwrap();
        let second = pick_from(7, |port| port != first).unwrap();
        assert_ne!(first, second);
        assert!(RANGE.contains(&first) && RANGE.contains(&second));
    }

    #[test]
    fn nothing_is_found_when_all_are_taken() {
        assert_eq!(pick_from(u64::MAX, |_| false), None);
    }

    #[test]
    fn a_listening_port_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
