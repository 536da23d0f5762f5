//! Which address a request comes from.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use sinaesta_mutants::mutant;

use super::ClientAddress;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies that are believed when they say whom they forward for.
pub(super) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Networks, or single addresses; the settings have been checked.
    pub(super) fn parse(networks: &[String]) -> Self {
        let parse = |text: &String| text.parse().or_else(|_| text.parse().map(|ip: IpAddr| IpNet::from(ip)));
        Self(networks.iter().filter_map(|text| parse(text).ok()).collect())
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: of those that `X-Forwarded-For` lists, the last that no trusted proxy has. What stands
    /// before it may have been made up by the client.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer;
        let lines = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<_> = lines.flat_map(|line| line.split(',')).collect();
        for hop in hops.into_iter().rev() {
            if !self.trusts(client) && !mutant!("admission-believes-what-clients-say") {
                break;
            }
            // A proxy that names none, or nothing that can be read, stands for its clients.
            let Some(named) = read(hop.trim()) else { break };
            client = named;
        }
        ClientAddress(client)
    }
}

/// An address, in some proxies' notation with a port.
fn read(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().ok().or_else(|| hop.parse().map(|with_port: std::net::SocketAddr| with_port.ip()).ok());
    address.map(|address: IpAddr| address.to_canonical())
}

/// What counts as one address: of IPv6, the network that one customer gets.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            mutant!("admission-address-for-each-of-ipv6", return address.into());
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<_> = trusted.iter().map(|&network| network.to_owned()).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        TrustedProxies::parse(&trusted).client(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "10.0.0.1", &["203.0.113.7"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.1"], "10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(&["10.0.0.1"], "10.0.0.2", &["203.0.113.7"]), "10.0.0.2");
    }

    #[test]
    fn what_the_client_says_of_itself_is_not_believed() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(client(&trusted, "10.0.0.1", &["1.1.1.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(&trusted, "10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.9.9.9"]), "203.0.113.7");
        assert_eq!(client(&trusted, "10.0.0.1", &["1.1.1.1", "203.0.113.7,10.9.9.9"]), "203.0.113.7");
        assert_eq!(client(&trusted, "fd00::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(client(&trusted, "10.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(client(&trusted, "10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
    }

    #[test]
    fn a_proxy_that_says_nothing_stands_for_its_clients() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.7, unknown"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.7, unknown, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["10.3.3.3, 10.2.2.2"]), "10.3.3.3");
    }

    #[test]
    fn one_customer_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(of("203.0.113.7"), "203.0.113.7");
    }
}
