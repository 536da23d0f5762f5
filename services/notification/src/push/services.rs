//! Which push services a browser may name. Without such a list, anybody could have us call any address.

use std::sync::Arc;

use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use thiserror::Error;
use url::Url;

/// An entry of the list can't be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is neither a host, nor *. and a domain, nor an origin")]
pub(crate) struct InvalidEntry(String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Host(String),
    /// With the dot before it.
    Domain(String),
    Origin(String),
}

/// The push services that are allowed; clones share the list.
#[derive(Debug, Clone)]
pub(crate) struct Services(Arc<[Entry]>);

impl Services {
    /// Reads a list: a host, or `*.` and a domain, by https; or a whole origin, by what it says.
    pub(crate) fn new(list: &[String]) -> Result<Self, InvalidEntry> {
        list.iter().map(|entry| read(entry)).collect::<Result<_, _>>().map(Self)
    }

    /// Refuses an endpoint of any other.
    pub(crate) fn check(&self, endpoint: &str) -> Result<(), ErrorBody> {
        let is_allowed = Url::parse(endpoint).is_ok_and(|url| self.0.iter().any(|entry| entry.allows(&url)));
        if is_allowed || mutant!("push-to-any-host") {
            return Ok(());
        }
        let text = "endpoint must belong to a push service that is allowed";
        Err(ErrorBody::new(code::PUSH_ENDPOINT, text).on_field("endpoint"))
    }
}

fn read(entry: &str) -> Result<Entry, InvalidEntry> {
    let invalid = || InvalidEntry(entry.to_owned());
    if entry.contains("://") {
        let url = Url::parse(entry).map_err(|_| invalid())?;
        return Ok(Entry::Origin(url.origin().ascii_serialization()));
    }
    let (is_domain, host) = entry.strip_prefix("*.").map_or((false, entry), |domain| (true, domain));
    if Url::parse(&format!("https://{host}/")).ok().as_ref().and_then(Url::host_str) != Some(host) {
        return Err(invalid());
    }
    Ok(if is_domain { Entry::Domain(format!(".{host}")) } else { Entry::Host(host.to_owned()) })
}

impl Entry {
    fn allows(&self, url: &Url) -> bool {
        let by_https = (url.scheme() == "https" || mutant!("push-without-encryption"))
            && url.port().is_none()
            && url.username().is_empty();
        let host = url.host_str().unwrap_or_default();
        match self {
            Self::Host(name) => by_https && host == name,
            Self::Domain(name) => by_https && host.ends_with(name.as_str()),
            Self::Origin(origin) => url.origin().ascii_serialization() == *origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_called() {
        let list = ["push.example", "*.windows.example", "http://127.0.0.1:9000"].map(str::to_owned);
        let services = Services::new(&list).unwrap();
        for endpoint in ["https://push.example/x", "https://a.b.windows.example/x?y", "http://127.0.0.1:9000/push/1"] {
            assert!(services.check(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "http://push.example/x",
            "https://push.example:8443/x",
            "https://push.example@evil.example/",
            "https://evil.example/push.example",
            "https://windows.example/",
            "https://evilwindows.example/",
            "http://127.0.0.1:9001/",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "push.example",
        ] {
            assert_eq!(services.check(endpoint).unwrap_err().code, code::PUSH_ENDPOINT, "{endpoint}");
        }
    }

    #[test]
    fn an_entry_that_says_nothing_is_named() {
        assert_eq!(Services::new(&["push.example/x".to_owned()]).unwrap_err(), InvalidEntry("push.example/x".into()));
    }
}
