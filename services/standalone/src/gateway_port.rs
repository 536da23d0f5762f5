use anyhow::{Context as _, bail};
use sinaesta_localstack::{free_port, is_free};

/// The documented port of the gateway.
pub(crate) const DEFAULT: u16 = 3001;

/// The port to listen on, and what to tell the user about it.
///
/// A port asked for by number is taken or refused; without one the first free from 3001 on.
pub(crate) fn choose(asked: Option<u16>) -> anyhow::Result<(u16, Option<String>)> {
    match asked {
        Some(0) => Ok((free_port()?, None)),
        Some(port) => require(port, is_free).map(|port| (port, None)),
        None => {
            let port = first_free(is_free)
                .context("ports 3001 to 3100 are all taken: pass --port with a free one, or --port 0")?;
            let note = (port != DEFAULT).then(|| format!("port {DEFAULT} is taken, so the gateway is on {port}"));
            Ok((port, note))
        }
    }
}

fn require(port: u16, free: impl Fn(u16) -> bool) -> anyhow::Result<u16> {
    if !free(port) {
        bail!("port {port} is taken: stop what uses it, or pass another --port (0 for any)");
    }
    Ok(port)
}

fn first_free(free: impl Fn(u16) -> bool) -> Option<u16> {
    (DEFAULT..DEFAULT + 100).find(|port| free(*port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_asked_for_by_number_is_never_replaced() {
        assert_eq!(require(4000, |_| true).unwrap(), 4000);
        let refused = require(4000, |_| false).unwrap_err().to_string();
        assert!(refused.contains("4000") && refused.contains("--port"), "{refused}");
    }

    #[test]
    fn without_a_wish_the_next_free_one_is_taken() {
        assert_eq!(first_free(|_| true), Some(3001));
        assert_eq!(first_free(|port| port > 3002), Some(3003));
        assert_eq!(first_free(|_| false), None);
    }
}
